"""The record of a frozen packet: an E-ARK package (CSIP and SIP 2.1.0) that an archive can take over."""
