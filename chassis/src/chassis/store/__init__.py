"""What a service remembers: one database each, written in groups that share a commit."""

from chassis.store.store import Store, open_store
from chassis.store.transaction import Transaction
from chassis.store.trouble import StoreLocked, StoreTrouble, StoreUnavailable, Unreachable

__all__ = [
    "Store",
    "StoreLocked",
    "StoreTrouble",
    "StoreUnavailable",
    "Transaction",
    "Unreachable",
    "open_store",
]
