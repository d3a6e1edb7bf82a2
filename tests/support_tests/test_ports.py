import socket

from support.ports import PORTS, free_port, is_free


def test_a_free_port_can_be_listened_on() -> None:
    """The port found is one that a server may take."""
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] in PORTS


def test_a_port_with_a_listener_is_not_free() -> None:
    """A port is refused while somebody listens on it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_the_port_of_a_server_that_ended_is_free() -> None:
    """A restarted server finds its port although old connections linger in TIME_WAIT."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    assert is_free(port)
