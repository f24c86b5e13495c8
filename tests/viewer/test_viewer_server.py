"""``hstamp view``: one page and the named files, for this computer alone."""

import hashlib
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

A = bytes(range(100))


@pytest.fixture
def server(tmp_path):
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "a.csv").write_bytes(bytes(range(100)))
    (tmp_path / "words").write_bytes(b"words")
    said = []
    with ViewerServer([tmp_path / "a.csv", tmp_path / "words"], 0, say=said.append) as made:
        made.said = said
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
    marks = [hashlib.sha256(text).hexdigest() for text in (b"100\n" + 2 * A, b"5\nwordswords")]
    assert json.loads(body) == [
        {"name": "a.csv", "size": 100, "url": "files/0", "fingerprint": marks[0], "pieces": False},
        {"name": "words", "size": 5, "url": "files/1", "fingerprint": marks[1], "pieces": True},
    ]


def test_pieces_are_asked_for_by_their_numbers(server):
    status, body, _ = ask(server, server.prefix + "files/1/0")
    assert (status, body[:4]) == (200, b"Obj\x01")
    assert ask(server, server.prefix + "files/1/1")[0] == 204
    # What is read in pieces is not served as it is, and the other way round.
    assert ask(server, server.prefix + "files/1")[0] == 404
    assert ask(server, server.prefix + "files/0/0")[0] == 404
    (line,) = server.said
    assert "words: E_MAGIC" in line


def post(server, path, body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    try:
        connection.request("POST", path, body=body, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_faults_that_the_page_finds_are_said_once_and_harmless(server):
    prefix = server.prefix
    assert post(server, prefix + "faults", b"a.csv: E_AVRO: \x1b[2J") == 200
    assert post(server, prefix + "faults", b"a.csv: E_AVRO: \x1b[2J\nb") == 200
    assert server.said == [r"a.csv: E_AVRO: \x1b[2J", "b"]
    assert post(server, "/faults", b"c") == 404
    assert post(server, prefix + "faults", b"c" * 20_000) == 404
    evil = {"Host": f"evil.example:{server.server_port}"}
    assert post(server, prefix + "faults", b"c", **evil) == 404
    assert post(server, prefix + "files.json", b"c") == 404
    assert len(server.said) == 2


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
        "files/2",
        "files/2/0",
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
    (tmp_path / "a.csv").write_bytes(b"short")
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
