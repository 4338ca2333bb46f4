"""Stacks are counted where they belong, and what only waits is not counted."""

from bench.profile import layers_of

LOOP = "run (uvloop/__init__.py:92);run_asgi (uvicorn/protocols/http/httptools_impl.py:422)"
EDGE = f"{LOOP};Edge.__call__ (chassis/edge.py:47)"
DATABASE = f"{EDGE};Database.fetchrow (chassis/database.py:158);fetchrow (asyncpg/connection.py:7)"


def test_innermost_known_frame_names_the_layer() -> None:
    assert layers_of([f"{EDGE};dict_get (libpython3.11.so) 3"]) == {"chassis: edge, admission": 3}
    assert layers_of([f"{DATABASE} 2", f"{DATABASE};write (libc.so.6) 5"]) == {
        "asyncpg": 2,
        "system calls": 5,
    }
    assert layers_of([f"{EDGE};add (app/carts.py:119) 1"]) == {"the services' own": 1}


def test_waiting_is_no_work() -> None:
    assert layers_of([f"{LOOP};uv__io_poll (linux.c:1452);epoll_pwait (libc.so.6) 9"]) == {}
