"""``hstamp view``: one page and the named files, for this computer alone."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from hstamp.errors import InputError
from hstamp.viewer import ViewerServer


@pytest.fixture
def server(tmp_path):
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "a.avro").write_bytes(bytes(range(100)))
    with ViewerServer([tmp_path / "a.avro"], 0) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_the_page_says_that_files_are_beside_it(server):
    status, body, headers = ask(server, server.prefix)
    assert status == 200
    assert b'<meta name="hstamp-files" content="files.json">' in body
    assert headers["Content-Type"].startswith("text/html")
    assert headers["X-Content-Type-Options"] == "nosniff"
    status, body, _ = ask(server, server.prefix + "files.json")
    assert json.loads(body) == [{"name": "a.avro", "size": 100, "url": "files/0"}]


@pytest.mark.parametrize(
    ("asked", "status", "first", "length", "place"),
    [
        (None, 200, 0, 100, None),
        ("bytes=0-9", 206, 0, 10, "bytes 0-9/100"),
        ("bytes=90-", 206, 90, 10, "bytes 90-99/100"),
        ("bytes=95-1000", 206, 95, 5, "bytes 95-99/100"),
        ("bytes=100-", 416, 0, 0, "bytes */100"),
        ("bytes=5-4", 416, 0, 0, "bytes */100"),
        ("bytes=-5", 416, 0, 0, "bytes */100"),
        ("bytes=0-1,3-4", 416, 0, 0, "bytes */100"),
    ],
)
def test_ranges(server, asked, status, first, length, place):
    headers = {} if asked is None else {"Range": asked}
    got, body, answer = ask(server, server.prefix + "files/0", **headers)
    assert (got, answer.get("Content-Range")) == (status, place)
    assert body == bytes(range(first, first + length))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "files/1",
        "files/../secret.txt",
        "files/%2e%2e/secret.txt",
        "secret.txt",
        "files/-1",
        "files/00x",
    ],
)
def test_nothing_else_is_served(server, path):
    prefix = server.prefix if path else "/"
    assert ask(server, prefix + path)[0] == 404


def test_another_token_or_name_of_the_host_finds_nothing(server):
    assert ask(server, "/" + "x" * 32 + "/")[0] == 404
    rebound = {"Host": f"evil.example:{server.server_port}"}
    assert ask(server, server.prefix, **rebound)[0] == 404
    assert ask(server, server.prefix, Host=f"localhost:{server.server_port}")[0] == 200


def test_it_listens_on_the_loopback_interface_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_two_servers_have_different_tokens_and_a_taken_port_is_said(server, tmp_path):
    with ViewerServer([], 0) as other:
        assert other.prefix != server.prefix
        assert len(other.prefix) > 30
    with pytest.raises(InputError, match=str(server.server_port)):
        ViewerServer([], server.server_port)


def test_a_file_that_has_become_shorter_is_not_filled_up(server, tmp_path):
    (tmp_path / "a.avro").write_bytes(b"short")
    with pytest.raises(http.client.IncompleteRead):
        ask(server, server.prefix + "files/0")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_the_command_without_a_traceback(tmp_path):
    (tmp_path / "a.avro").write_bytes(b"Obj\x01")
    words = [sys.executable, "-m", "hstamp", "view", str(tmp_path), "--no-browser", "--port", "0"]
    # A shell lets what it runs in the background ignore SIGINT, and children inherit that.
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")
    port = int(address.split(":")[2].split("/")[0])
    socket.create_connection(("127.0.0.1", port), timeout=60).close()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_file_that_is_not_there_is_said(tmp_path):
    words = [sys.executable, "-m", "hstamp", "view", str(tmp_path / "none.avro"), "--no-browser"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "none.avro: no such file" in done.stderr
