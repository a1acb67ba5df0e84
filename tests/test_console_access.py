"""Users, logins, roles, origins, proxies and TLS of the console, on real loopback sockets."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.access import command
from livehost.brain.access.delays import FREE, LONGEST, Delays, neighbourhood
from livehost.brain.access.sessions import Sessions
from livehost.brain.access.tls import Tls
from livehost.brain.access.users import Users, digest, new_token
from livehost.brain.command import Role
from livehost.brain.console import Console
from livehost.brain.console.access import Access
from livehost.brain.console.client import Client
from livehost.brain.console.entry import Entry
from livehost.brain.console.peer import Proxies
from livehost.brain.console.protocol import CLOSE_LEFT
from livehost.brain.desk import all_commands
from livehost.clock import VirtualTimeLoop
from livehost.errors import ConfigError
from tests.console_desk import TOKEN, FakeDesk, serving

pytestmark = pytest.mark.real

PASSWORD = "correct horse 9"
PEOPLE = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "olga": Role.OWNER}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A users file with one person of each role, and a token for each."""
    path = tmp_path_factory.mktemp("people") / "users.toml"
    users, tokens = Users(path), {}
    made = command.hashed(PASSWORD)
    for name, role in sorted(PEOPLE.items()):
        tokens[name], user = new_token(command.User(name=name, role=role, password=made))
        users.put(user)
    return path, tokens


def entry(path, token=None, **more):
    sessions = Sessions(None, timedelta(hours=1))
    return Entry(Access(token, Users(path), sessions, "demo", **more))


async def login(client, user, password=PASSWORD):
    async with client.post("/api/login", json={"user": user, "password": password}) as answer:
        return answer.status, await answer.json(), answer


def origin(client):
    return {"Origin": f"http://127.0.0.1:{client._base_url.port}"}


# --- logging in -----------------------------------------------------------------------------------


def test_login_opens_the_console_and_logout_closes_it(people):
    async def main():
        desk = FakeDesk()
        async with serving(desk, entry=entry(people[0])) as (_, client):
            assert (await client.get("/api/status")).status == 401
            forms = await (await client.get("/api/login")).json()
            assert forms == {"ok": True, "in": False, "asked": True, "users": True, "token": False}
            status, told, answer = await login(client, "otto")
            assert (status, told["role"]) == (200, "operator")
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
            assert "Secure" not in cookie  # plain HTTP here
            assert (await client.get("/api/status")).status == 200
            assert (await (await client.get("/api/me")).json())["user"] == "otto"
            said = await client.post("/api/command", json={"name": "skip"}, headers=origin(client))
            assert said.status == 200
            assert (await client.post("/api/logout", headers=origin(client))).status == 200
            assert (await client.get("/api/status")).status == 401
        assert [(note[0].name, *note[1:3]) for note in desk.notes] == [
            ("otto", "login", True),
            ("otto", "logout", True),
        ]
        (_, _, who), *_ = desk.given
        assert (who.name, who.role, who.address) == ("otto", Role.OPERATOR, "127.0.0.1")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("user", "password"),
    [
        *(("otto", "wrong"), ("nobody-here", PASSWORD), ("", ""), ("robot\n", PASSWORD)),
        *(("otto", ""), (PASSWORD, "otto")),
    ],
)
def test_wrong_login_tells_nothing_and_is_noted(people, user, password):
    async def main():
        desk = FakeDesk()
        async with serving(desk, entry=entry(people[0])) as (_, client):
            status, told, answer = await login(client, user, password)
            assert (status, told["error"]) == (401, "name or password is wrong")
            assert "Set-Cookie" not in answer.headers
            assert (await client.get("/api/me")).status == 401
        assert [(note[1], note[2]) for note in desk.notes] == [("login", False)]
        assert PASSWORD not in str(desk.notes)
        assert desk.notes[0][0].name == ("otto" if user == "otto" else "nobody known")

    asyncio.run(main())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"user": 1}', b'{"user": "a", "more": 1}', b"x" * 5000]
)
def test_a_body_that_is_no_login_is_refused(people, body):
    async def main():
        async with (
            serving(FakeDesk(), entry=entry(people[0])) as (_, client),
            client.post("/api/login", data=body) as answer,
        ):
            assert answer.status in (400, 413)
            assert (await answer.json())["ok"] is False

    asyncio.run(main())


def test_guessing_takes_longer_and_longer(people):
    async def main():
        way = entry(people[0])
        async with serving(FakeDesk(), entry=way) as (_, client):
            assert (await login(client, "otto", "guess"))[0] == 401
            for _ in range(8):
                way.access.delays.failed("otto", "127.0.0.1")
            right, told, answer = await login(client, "otto")
            assert (right, answer.headers["Retry-After"]) == (429, "32")
            assert "wait 32 s" in told["error"]
            assert (await login(client, "vera"))[0] == 200  # somebody else is not held up

    asyncio.run(main())


def test_delays_grow_are_bounded_and_are_forgotten():
    async def main():
        delays, loop = Delays(most=30), asyncio.get_running_loop()
        waits = []
        for _ in range(20):
            delays.failed("otto", "10.0.0.1")
            waits.append(delays.seconds("otto", "10.0.0.1"))
            loop.advance(waits[-1])
        assert waits[: FREE["pair"] + 4] == [0, 0, 0, 1, 2, 4, 8]
        assert max(waits) == LONGEST["pair"]
        assert delays.seconds("otto", "10.0.0.2") <= LONGEST["name"]
        assert delays.seconds("vera", "10.0.0.9") == 0
        loop.advance(3601)
        delays.failed("otto", "10.0.0.1")
        assert delays.seconds("otto", "10.0.0.1") == 0
        for n in range(1000):
            delays.failed(f"name {n}", f"10.1.{n // 250}.{n % 250}")
        assert len(delays) <= 30

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())


def test_an_attacker_cannot_change_his_address_at_will():
    assert neighbourhood("2001:db8:1:2:aaaa::1") == neighbourhood("2001:db8:1:2:bbbb::2")
    assert neighbourhood("2001:db8:1:3::1") != neighbourhood("2001:db8:1:2::1")
    assert neighbourhood("10.0.0.1") != neighbourhood("10.0.0.2")


@given(st.text(max_size=80))
def test_any_address_has_a_neighbourhood(address):
    assert len(neighbourhood(address)) <= 64


# --- roles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", all_commands(), ids=lambda known: known.name)
def test_every_command_is_refused_below_its_role_and_done_at_it(people, known):
    """A command cannot be declared without a role; this asks for each by HTTP and by websocket."""

    async def main():
        for name, role in PEOPLE.items():
            desk = FakeDesk()
            desk.checks_roles = True
            async with serving(desk, entry=entry(people[0])) as (console, client):
                bearer = {"Authorization": f"Bearer {people[1][name]}"}
                body = {"name": known.name}
                async with client.post("/api/command", json=body, headers=bearer) as answer:
                    by_http = answer.status
                async with Client(console.address, people[1][name]) as show:
                    ack = await show.command(known.name)
                    listed = {c.name for c in show.welcome.commands}
            allowed = role.may(known.role)
            assert (by_http == 403) is not allowed, (name, by_http)
            assert (ack.code == "role") is not allowed, (name, ack)
            assert (known.name in listed) is allowed
            assert bool(desk.given) is allowed

    asyncio.run(main())


def test_viewers_watch_and_change_nothing(people):
    async def main():
        async with serving(FakeDesk(), entry=entry(people[0])) as (_, client):
            bearer = {"Authorization": f"Bearer {people[1]['vera']}"}
            expected = {
                ("GET", "/api/status"): 200,
                ("GET", "/metrics"): 200,
                ("GET", "/live.mp4"): 503,
                ("POST", "/api/chat"): 403,
                ("GET", "/api/sessions"): 403,
                ("DELETE", "/api/sessions/abc"): 403,
            }
            for (method, path), status in expected.items():
                async with client.request(method, path, headers=bearer, json={}) as answer:
                    assert answer.status == status, path

    asyncio.run(main())


def test_owner_sees_and_ends_logins(people):
    async def main():
        way = entry(people[0])
        async with serving(FakeDesk(), entry=way) as (_, client):
            await login(client, "otto")
            socket = await client.ws_connect("/ws", headers=origin(client))
            await socket.send_json({"type": "hello", "protocol": [1]})
            assert (await socket.receive_json())["user"] == "otto"
            bearer = {"Authorization": f"Bearer {people[1]['olga']}"}
            async with client.get("/api/sessions", headers=bearer) as answer:
                ((session),) = (await answer.json())["sessions"]
            assert session["user"] == "otto" and "hash" not in session
            path = f"/api/sessions/{session['id']}"
            assert (await client.delete(path, headers=bearer)).status == 200
            assert (await client.delete(path, headers=bearer)).status == 404
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.data == CLOSE_LEFT
            assert (await client.get("/api/status")).status == 401

    asyncio.run(main())


def test_removed_user_is_put_out_and_new_role_counts(people, tmp_path, monkeypatch):
    monkeypatch.setattr("livehost.brain.console.server.RENEW_SECONDS", 0.05)

    async def main():
        path = tmp_path / "users.toml"
        users = Users(path)
        tokens = {}
        for name, role in (("olga", Role.OWNER), ("otto", Role.OPERATOR)):
            tokens[name], user = new_token(command.User(name=name, role=role))
            users.put(user)
        async with (
            serving(FakeDesk(), entry=entry(path)) as (_, client),
            client.ws_connect(
                "/ws", headers={"Authorization": f"Bearer {tokens['otto']}"}
            ) as socket,
        ):
            await socket.send_json({"type": "hello", "protocol": [1]})
            users.remove("otto")
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.data == CLOSE_LEFT
            bearer = {"Authorization": f"Bearer {tokens['otto']}"}
            assert (await client.get("/api/status", headers=bearer)).status == 401
            path.unlink()
            await asyncio.sleep(0.2)
            assert (await client.get("/api/status")).status == 401  # not open to everybody now

    asyncio.run(main())


# --- other sites ----------------------------------------------------------------------------------


def test_cookie_alone_changes_nothing(people):
    async def main():
        desk = FakeDesk()
        async with serving(desk, entry=entry(people[0])) as (_, client):
            _, told, _ = await login(client, "otto")
            body = {"name": "skip"}
            bare = await client.post("/api/command", json=body)
            assert bare.status == 403
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await client.ws_connect("/ws")
            for wrong in ("", "0" * 64, told["csrf"][:-1]):
                headers = {"X-Livehost-Csrf": wrong}
                refused = await client.post("/api/command", json=body, headers=headers)
                assert refused.status == 403
            evil = {"Origin": "https://evil.example", "X-Livehost-Csrf": told["csrf"]}
            assert (await client.post("/api/command", json=body, headers=evil)).status == 403
            assert desk.commands == []
            good = {"X-Livehost-Csrf": told["csrf"]}
            assert (await client.post("/api/command", json=body, headers=good)).status == 200
            await client.ws_connect("/ws", headers=origin(client))

    asyncio.run(main())


# --- proxies and TLS ------------------------------------------------------------------------------


def test_only_a_trusted_proxy_is_believed(people):
    async def main():
        forwarded = {
            "X-Forwarded-For": "6.6.6.6, 203.0.113.9",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "studio.example",
            "Origin": "https://studio.example",
        }
        for trusted, address, secure in (
            (("127.0.0.1",), "203.0.113.9", True),
            (("10.0.0.0/8",), "", False),
        ):
            desk = FakeDesk()
            way = Entry(entry(people[0], always=True).access, Proxies(trusted))
            async with serving(desk, entry=way) as (_, client):
                body = {"user": "otto", "password": PASSWORD}
                async with client.post("/api/login", json=body, headers=forwarded) as answer:
                    if not address:
                        assert answer.status == 403  # another site's origin
                        continue
                    assert answer.status == 200
                    assert ("Secure" in answer.headers["Set-Cookie"]) is secure
                    assert "Strict-Transport-Security" in answer.headers
                assert desk.notes[0][0].address == address

    asyncio.run(main())


def test_behind_a_proxy_everybody_logs_in():
    async def main():
        way = Entry(Access(always=True), Proxies(["127.0.0.1"]))
        async with serving(FakeDesk(), entry=way) as (_, client):
            assert (await client.get("/api/status")).status == 401

    asyncio.run(main())


def certificate(folder, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert, private, made.serial_number


def test_tls_by_files_and_their_renewal(tmp_path, people):
    async def served(port):
        loose = ssl.create_default_context()
        loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=loose)
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return x509.load_der_x509_certificate(found).serial_number

    async def main():
        cert, key, first = certificate(tmp_path, "one")
        tls = Tls(cert, key)
        way = Entry(Access(TOKEN), Proxies((), True), tls)
        async with serving(FakeDesk(), TOKEN, entry=way) as (console, _):
            port = int(console.address.rstrip("/").rpartition(":")[2])
            assert console.address.startswith("https://")
            assert await served(port) == first
            cert.write_text("half written")
            assert not tls.renew()
            assert await served(port) == first
            _, _, second = certificate(tmp_path, "two")
            assert tls.renew()
            assert await served(port) == second
        with pytest.raises(ConfigError, match="are not a certificate"):
            Tls(cert, tmp_path / "missing.pem")

    asyncio.run(main())


# --- the room's token -----------------------------------------------------------------------------


def test_room_token_and_user_tokens_both_open_the_page(people):
    async def main():
        way = entry(people[0], TOKEN)
        for token, role in ((TOKEN, "owner"), (people[1]["otto"], "operator")):
            async with serving(FakeDesk(), TOKEN, entry=way) as (_, client):
                async with client.post("/api/login", json={"token": token}) as answer:
                    assert (answer.status, (await answer.json())["role"]) == (200, role)
                assert (await client.get("/api/status")).status == 200

    asyncio.run(main())


def test_users_open_an_address_for_others_and_nobody_does_not(people, tmp_path):
    Console(FakeDesk(), "0.0.0.0", 8080, entry=entry(people[0]))
    with pytest.raises(ConfigError, match="livehost user add"):
        Console(FakeDesk(), "0.0.0.0", 8080, entry=entry(tmp_path / "none.toml"))


# --- files ----------------------------------------------------------------------------------------


def test_users_file_holds_no_secret_and_only_its_owner_reads_it(people):
    path, tokens = people
    text = path.read_text()
    assert PASSWORD not in text
    assert not any(token in text or token.removeprefix("lh_") in text for token in tokens.values())
    assert "$argon2id$" in text and digest(tokens["otto"]) in text
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[[user]]\nname = 'a'\nrole = 'king'\n", "role"),
        ("[[user]]\nname = 'a b'\nrole = 'owner'\n", "name"),
        ("[[user]]\nname = 'token'\nrole = 'owner'\n", "means something else"),
        ("[[user]]\nname = 'a'\nrole = 'owner'\n" * 2, "stands twice"),
        ("[[user]]\nname = 'a'\nrole = 'owner'\n[[user.token]]\nid = 'x'\nhash = 'y'\n", "hash"),
        ("nonsense", "TOML"),
    ],
)
def test_broken_users_file_is_one_clear_line(tmp_path, text, word):
    path = tmp_path / "users.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=word):
        Users(path)


def test_users_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "users.toml"
    path.write_text("")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Users(path)


def test_broken_change_leaves_the_users_as_they_were(people, tmp_path, caplog):
    path = tmp_path / "users.toml"
    path.write_bytes(people[0].read_bytes())
    path.chmod(0o600)
    users = Users(path)
    path.write_text("broken")
    assert not users.renew()
    assert [r.message for r in caplog.records] == ["users file is left aside; the one before holds"]
    assert users.get("otto") and "TOML" in users.problem


def test_logins_outlive_the_process_and_expire(tmp_path):
    path = tmp_path / "logins.json"
    key, session = Sessions(path, timedelta(hours=1)).begin("otto", "::1", "browser")
    assert key not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    again = Sessions(path, timedelta(hours=1))
    assert again.get(key).user == "otto"
    assert again.get(key[:-1]) is None and again.get("") is None
    found = again.get(key)
    found.seen = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    assert again.get(key) is None and not again.alive(session.id)
    assert Sessions(path, timedelta(hours=1)).get(key) is None


@given(st.binary(max_size=60))
def test_damaged_logins_log_everybody_out(tmp_path_factory, damage):
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(damage)
    assert len(Sessions(path, timedelta(hours=1))) == 0


# --- the command line -----------------------------------------------------------------------------


def test_user_command(tmp_path, monkeypatch, capsys):
    path = tmp_path / "deep" / "users.toml"
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    with pytest.raises(ConfigError, match="10 to 200"):
        command.add(path, "olga", "owner")
    monkeypatch.setattr(command, "_asked", lambda _: PASSWORD)
    with pytest.raises(ConfigError, match="has to be an owner"):
        command.add(path, "otto", "operator")
    command.add(path, "olga", "owner")
    command.add(path, "otto", "viewer")
    command.token(path, "otto", None)
    token = capsys.readouterr().out.splitlines()[-1]
    command.add(path, "otto", "operator")
    users = Users(path)
    assert users.by_token(token).role is Role.OPERATOR
    assert users.by_password("otto", PASSWORD).name == "otto"
    assert users.by_password("otto", PASSWORD + "x") is None
    assert users.by_password("nobody", PASSWORD) is None
    with pytest.raises(ConfigError, match="no user robot"):
        command.token(path, "robot", None)
    with pytest.raises(ConfigError, match="only owner"):
        command.remove(path, "olga")
    command.remove(path, "otto")
    assert Users(path).by_token(token) is None
    command.show(path)
    assert "olga\towner\tpassword" in capsys.readouterr().out
