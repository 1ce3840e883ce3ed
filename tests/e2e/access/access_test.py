#!/usr/bin/env python3
"""usage: access_test.py PROGRAM: accounts, keys, TLS, proxies, limits and revocation with the real program."""

import http.client
import json
import os
import pathlib
import re
import socket
import sqlite3
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from dure_server import Server, require_model  # noqa: E402

program = sys.argv.pop(1)
model = str(require_model())
PASSWORD = "correct horse battery"


def dure(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
    return subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, timeout=60)


def add_user(data: str, name: str, *options: str, password: str = PASSWORD) -> dict:
    done = dure("user", "add", name, "--password-stdin", "--data", data, "--json", *options, stdin=password + "\n")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def create_key(data: str, user: str, *options: str) -> dict:
    done = dure("key", "create", "test", "--user", user, "--data", data, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Client:
    """One HTTP client with a cookie of its own."""

    def __init__(self, url: str, context=None):
        self.url = urllib.parse.urlsplit(url)
        self.context = context
        self.cookie = ""

    def connect(self):
        if self.url.scheme == "https":
            return http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=60, context=self.context)
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)

    def send(self, method: str, path: str, body=None, **headers):
        connection = self.connect()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            named.setdefault("Cookie", self.cookie)
        text = json.dumps(body) if isinstance(body, (dict, list)) else body
        connection.request(method, path, text, named)
        return connection, connection.getresponse()

    def ask(self, method: str, path: str, body=None, **headers):
        connection, answer = self.send(method, path, body, **headers)
        text = answer.read().decode()
        if cookie := answer.headers.get("Set-Cookie"):
            self.cookie = cookie.split(";")[0]
        connection.close()
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return answer.status, json.loads(text) if is_json else text, answer.headers

    def login(self, name: str, password: str = PASSWORD):
        return self.ask("POST", "/api/login", {"name": name, "password": password})


def chat(server: Server, **more) -> dict:
    return {"model": server.model_id, "messages": [{"role": "user", "content": "Count from one to a thousand."}],
            "max_tokens": 8, **more}


def endless(server: Server) -> dict:
    return chat(server, stream=True, max_tokens=1900, logit_bias={"0": -100, "2": -100})


class AccountServer(Server):
    """A server with the accounts admin and kim."""

    model_id = pathlib.Path(model).stem

    def __init__(self, *options: str):
        super().__init__(program, "--model", model, "--require-login", *options)
        self.data = self.folder.name + "/data"
        self.admin = add_user(self.data, "admin", "--admin")
        self.kim = add_user(self.data, "김두레")


class Starts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.data = self.folder.name + "/data"

    def tearDown(self):
        self.folder.cleanup()

    def refused(self, *options: str) -> str:
        done = dure("serve", "--model", model, "--port", "0", "--data", self.data, *options)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_others_cannot_reach_it_before_there_is_an_administrator(self):
        for options in (["--host", "0.0.0.0"], ["--host", "::"], ["--require-login"]):
            self.assertIn("dure user add", self.refused(*options))
        add_user(self.data, "kim")
        self.assertIn("dure user add", self.refused("--require-login"), "a member is no administrator")

    def test_tls_files_that_do_not_work_are_named(self):
        nothing = self.folder.name + "/none.pem"
        self.assertIn("--tls-cert", self.refused("--tls-cert", nothing, "--tls-key", nothing))
        self.assertIn("--tls-key", self.refused("--tls-cert", nothing))

    def test_options_that_are_wrong_are_named(self):
        self.assertIn("--public-url", self.refused("--public-url", "chat.example"))
        self.assertIn("--trusted-proxy", self.refused("--trusted-proxy", "10.0.0.0/99"))

    def test_a_newer_database_is_refused(self):
        add_user(self.data, "admin", "--admin")
        with sqlite3.connect(self.data + "/dure.sqlite3") as database:
            database.execute("PRAGMA user_version = 1000")
        self.assertIn("newer version", self.refused())

    def test_a_damaged_database_is_refused(self):
        os.makedirs(self.data)
        pathlib.Path(self.data + "/dure.sqlite3").write_text("rubbish " * 1000)
        self.assertIn("damaged", self.refused())


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.data = self.folder.name + "/data"

    def tearDown(self):
        self.folder.cleanup()

    def fails(self, *arguments: str, stdin: str = "", word: str = ""):
        done = dure(*arguments, "--data", self.data, stdin=stdin)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(word, done.stderr)

    def test_users(self):
        self.assertEqual(add_user(self.data, "Kim", "--admin")["id"], "owner")
        self.fails("user", "add", "kim", "--password-stdin", stdin=PASSWORD, word="already")
        self.fails("user", "add", "lee", "--password-stdin", stdin="short\n", word="password")
        self.fails("user", "add", "lee", word="--password-stdin")
        self.fails("user", "add", "a\nb", "--password-stdin", stdin=PASSWORD, word="control")
        self.fails("user", "remove", "kim", word="last administrator")
        self.fails("user", "remove", "nobody", word="nobody")
        add_user(self.data, "lee")
        listed = json.loads(dure("user", "list", "--data", self.data, "--json").stdout)
        self.assertEqual([user["name"] for user in listed], ["Kim", "lee"])
        self.assertEqual(dure("user", "remove", "lee", "--data", self.data).returncode, 0)
        changed = dure("user", "password", "kim", "--password-stdin", "--data", self.data, stdin="another password\n")
        self.assertEqual(changed.returncode, 0, changed.stderr)
        self.assertEqual(stat.S_IMODE(os.stat(self.data).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(self.data + "/dure.sqlite3").st_mode), 0o600)

    def test_keys(self):
        add_user(self.data, "kim", "--admin")
        done = dure("key", "create", "laptop", "--user", "kim", "--data", self.data)
        self.assertRegex(done.stdout, r"^dure-[0-9A-Za-z]{43}\n$")
        listed = dure("key", "list", "--data", self.data).stdout
        self.assertIn("laptop", listed)
        self.assertNotIn(done.stdout.strip(), listed)
        key_id = listed.split()[0]
        self.assertEqual(dure("key", "revoke", key_id, "--data", self.data).returncode, 0)
        self.assertIn("revoked", dure("key", "list", "--data", self.data).stdout)
        self.fails("key", "revoke", "key_none", word="key_none")
        self.fails("key", "create", "x", "--user", "nobody", word="nobody")
        self.fails("key", "create", "x", "--user", "kim", "--scope", "everything", word="everything")


class Owner(unittest.TestCase):
    """A server without accounts on this computer's own address."""

    def test_any_key_does_and_an_account_ends_that(self):
        with Server(program, "--model", model) as server:
            server.model_id = server.model()
            client = Client(server.url)
            for headers in ({}, {"Authorization": "Bearer whatever"}, {"x_api_key": "x"}, {"Authorization": "Basic x"}):
                self.assertEqual(client.ask("GET", "/v1/models", **headers)[0], 200, headers)
            self.assertEqual(client.ask("GET", "/api/app/info")[1]["mode"], "owner")
            self.assertEqual(client.ask("GET", "/api/me")[1]["account"]["id"], "owner")
            self.assertEqual(client.ask("POST", "/v1/chat/completions", chat(server))[0], 200)
            add_user(server.folder.name + "/data", "admin", "--admin")
            end = time.monotonic() + 5
            while client.ask("GET", "/v1/models")[0] == 200 and time.monotonic() < end:
                time.sleep(0.05)
            self.assertEqual(client.ask("GET", "/v1/models")[0], 401)
            self.assertEqual(client.login("admin")[0], 200)
            # What the owner used is now the administrator's.
            self.assertEqual(client.ask("GET", "/api/usage")[1]["total"]["requests"], 1)

    def test_other_names_and_origins_are_refused(self):
        with Server(program, "--model", model, "--allow-origin", "https://friend.example") as server:
            client = Client(server.url)
            self.assertEqual(client.ask("GET", "/v1/models", Host="evil.example")[0], 403)
            self.assertEqual(client.ask("GET", "/v1/models", Host="192.168.7.7")[0], 403)
            self.assertEqual(client.ask("GET", "/v1/models", Origin="https://evil.example")[0], 403)
            status, _, headers = client.ask("GET", "/v1/models", Origin="https://friend.example")
            self.assertEqual(status, 200)
            self.assertEqual(headers["Access-Control-Allow-Origin"], "https://friend.example")
            status, _, headers = client.ask("OPTIONS", "/v1/chat/completions", Origin="https://friend.example",
                                            Access_Control_Request_Method="POST",
                                            Access_Control_Request_Headers="authorization, content-type")
            self.assertEqual(status, 204)
            self.assertIn("authorization", headers["Access-Control-Allow-Headers"])


class Setup(unittest.TestCase):
    def test_the_first_administrator_needs_the_printed_token(self):
        with Server(program, "--model", model, "--setup") as server:
            line = server.process.stdout.readline()
            token = re.search(r"/setup#(\w+)\n", line).group(1)
            client = Client(server.url)
            self.assertEqual(client.ask("GET", "/api/app/info")[1]["mode"], "setup")
            status, body, _ = client.ask("POST", "/v1/chat/completions", {})
            self.assertEqual((status, body["error"]["code"]), (403, "setup_required"))
            self.assertEqual(client.ask("GET", "/health")[0], 200)
            wrong = {"token": "wrong", "name": "me", "password": PASSWORD}
            self.assertEqual(client.ask("POST", "/api/setup", wrong)[0], 403)
            self.assertEqual(client.ask("POST", "/api/setup", {**wrong, "token": token, "password": "x"})[0], 400)
            self.assertEqual(client.ask("POST", "/api/setup", {**wrong, "token": token})[0], 200)
            self.assertEqual(client.ask("GET", "/api/me")[1]["account"]["role"], "admin")
            self.assertEqual(client.ask("POST", "/api/setup", {**wrong, "token": token})[0], 409)
            self.assertEqual(Client(server.url).ask("GET", "/v1/models")[0], 401)


class Accounts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = AccountServer("--trusted-proxy", "127.0.0.1", "--public-url", "https://chat.example")
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def client(self, name: str = "") -> Client:
        client = Client(self.server.url)
        if name:
            self.assertEqual(client.login(name)[0], 200)
        return client

    def key(self, *options: str, user: str = "김두레") -> dict:
        return create_key(self.server.data, user, *options)

    def test_signing_in_and_out(self):
        client = self.client()
        status, body, _ = client.ask("GET", "/api/me")
        self.assertEqual((status, body["error"]["code"]), (401, "login_required"))
        self.assertEqual(client.login("admin", "wrong password")[1]["error"]["code"], "invalid_login")
        self.assertEqual(client.login("nobody", "wrong password")[1]["error"]["code"], "invalid_login")
        status, body, headers = client.login("ADMIN")
        self.assertEqual(status, 200)
        for attribute in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/", "__Host-dure="):
            self.assertIn(attribute, headers["Set-Cookie"])
        self.assertEqual(client.ask("GET", "/api/me")[1]["account"]["name"], "admin")
        self.assertEqual(client.ask("GET", "/api/app/info")[1]["account"]["role"], "admin")
        old = client.cookie
        self.assertEqual(client.ask("POST", "/api/logout")[0], 204)
        client.cookie = old
        self.assertEqual(client.ask("GET", "/api/me")[0], 401, "the session has ended, not only its cookie")

    def test_sessions_are_listed_and_ended(self):
        first, second = self.client("김두레"), self.client("김두레")
        sessions = first.ask("GET", "/api/sessions", User_Agent="x")[1]["data"]
        self.assertGreaterEqual(len(sessions), 2)
        self.assertEqual(sum(session["current"] for session in sessions), 1)
        mine = second.ask("GET", "/api/me")[1]["session_id"]
        self.assertEqual(self.client("admin").ask("DELETE", "/api/sessions/" + mine)[0], 404, "another user's")
        self.assertEqual(first.ask("DELETE", "/api/sessions/" + mine)[0], 204)
        self.assertEqual(second.ask("GET", "/api/me")[0], 401)
        self.assertEqual(first.ask("DELETE", "/api/sessions")[0], 204)
        self.assertEqual(len(first.ask("GET", "/api/sessions")[1]["data"]), 1)

    def test_a_new_password_ends_other_sessions(self):
        add_user(self.server.data, "changing")
        first, second = self.client("changing"), self.client("changing")
        change = {"old_password": "not the one", "new_password": "another password"}
        self.assertEqual(first.ask("POST", "/api/me/password", change)[0], 401)
        self.assertEqual(first.ask("POST", "/api/me/password", {**change, "old_password": PASSWORD})[0], 204)
        self.assertEqual(second.ask("GET", "/api/me")[0], 401)
        self.assertEqual(first.ask("GET", "/api/me")[0], 200)
        self.assertEqual(self.client().login("changing", "another password")[0], 200)

    def test_keys_work_as_bearer_and_as_x_api_key(self):
        client, secret = self.client(), self.key()["key"]
        for headers in ({"Authorization": "Bearer " + secret}, {"Authorization": "bearer " + secret},
                        {"x_api_key": secret}):
            self.assertEqual(client.ask("GET", "/v1/models", **headers)[0], 200)
        for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": secret}, {"x_api_key": "wrong"},
                        {"Authorization": "Bearer " + secret, "x_api_key": "other"}):
            status, body, answered = client.ask("GET", "/v1/models", **headers)
            self.assertEqual((status, body["error"]["code"]), (401, "invalid_api_key"))
            self.assertIn("Bearer", answered["WWW-Authenticate"])
            self.assertNotIn(secret, json.dumps(body))
        self.assertEqual(client.ask("GET", "/api/keys", x_api_key=secret)[1]["error"]["code"], "permission_denied")

    def test_every_route_of_the_description_asks_who_calls(self):
        client, revoked = self.client(), self.key()
        self.assertEqual(self.client("김두레").ask("DELETE", f"/api/keys/{revoked['id']}")[0], 204)
        scopes = {scope: self.key("--scope", scope)["key"] for scope in ("inference", "usage", "account")}
        described = client.ask("GET", "/openapi.json")[1]["paths"]
        asked = 0
        for path, methods in described.items():
            for method, operation in methods.items():
                if operation.get("security") == []:
                    continue
                asked += 1
                route = method.upper(), re.sub(r"{\w+}", "x", path), {} if method in ("post", "patch") else None
                self.assertEqual(client.ask(*route)[0], 401, route)
                for wrong in ("dure-wrong", revoked["key"]):
                    self.assertEqual(client.ask(*route, x_api_key=wrong)[0], 401, route)
                    self.assertEqual(client.ask(*route, Authorization="Bearer " + wrong)[0], 401, route)
                for scope, key in scopes.items():  # of a member, who may not do what administrators do
                    status = client.ask(*route, x_api_key=key)[0]
                    if scope != operation["x-scope"]:
                        self.assertEqual(status, 403, (route, scope))
                    elif operation["tags"] == ["Not implemented"]:
                        self.assertEqual(status, 501, route)
                    else:
                        self.assertLess(status, 500, route)
        self.assertGreater(asked, 100)

    def test_keys_are_made_listed_and_revoked_by_their_owner(self):
        kim, admin = self.client("김두레"), self.client("admin")
        status, made, _ = kim.ask("POST", "/api/keys", {"name": "노트북", "limits": {"requests_per_minute": 5}})
        self.assertEqual(status, 201)
        self.assertTrue(made["key"].startswith(made["prefix"]))
        listed = kim.ask("GET", "/api/keys")[1]["data"]
        self.assertIn(made["id"], [key["id"] for key in listed])
        self.assertNotIn(made["key"], json.dumps(listed))
        self.assertEqual(admin.ask("DELETE", "/api/keys/" + made["id"])[0], 404, "another user's")
        self.assertIn(made["id"], [key["id"] for key in admin.ask("GET", "/api/admin/keys")[1]["data"]])
        self.assertEqual(kim.ask("DELETE", "/api/keys/" + made["id"])[0], 204)
        self.assertEqual(self.client().ask("GET", "/v1/models", x_api_key=made["key"])[0], 401)
        for wrong in ({}, {"name": ""}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["all"]},
                      {"name": "x", "expires_at": 1}, {"name": "x", "what": 1}, {"name": "x", "limits": {"what": 1}}):
            self.assertEqual(kim.ask("POST", "/api/keys", wrong)[0], 400, wrong)
        self.assertEqual(kim.ask("POST", "/api/keys", {"name": "x", "scopes": ["admin"]})[0], 403)

    def test_a_revoked_key_ends_its_stream_within_a_second(self):
        key = self.key()
        connection, answer = self.client().send("POST", "/v1/chat/completions", endless(self.server),
                                                x_api_key=key["key"])
        self.assertEqual(answer.status, 200)
        answer.readline()
        self.assertEqual(dure("key", "revoke", key["id"], "--data", self.server.data).returncode, 0)
        begin = time.monotonic()
        rest = answer.read().decode()
        connection.close()
        self.assertLess(time.monotonic() - begin, 1.0)
        events = [line[6:] for line in rest.splitlines() if line.startswith("data: ")]
        self.assertEqual(json.loads(events[-1])["error"]["code"], "invalid_api_key")
        self.assertNotIn("[DONE]", rest)

    def test_a_disabled_account_ends_whole_answers_too(self):
        user = add_user(self.server.data, "leaving")
        leaving = self.client("leaving")
        body = {**endless(self.server), "stream": False}
        connection = leaving.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Cookie": leaving.cookie})
        admin = self.client("admin")
        end = time.monotonic() + 20
        while admin.ask("GET", "/api/app/stats")[1]["models"][0]["running"] == 0 and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(admin.ask("PATCH", "/api/admin/users/" + user["id"], {"disabled": True})[0], 200)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 401)
        answer.read()
        connection.close()
        self.assertEqual(self.client().login("leaving")[0], 401)

    def test_limits(self):
        key = self.key("--requests-per-minute", "2")
        client = self.client()
        first = client.ask("POST", "/v1/chat/completions", chat(self.server), x_api_key=key["key"])
        self.assertEqual(first[0], 200)
        self.assertEqual(first[2]["x-ratelimit-limit-requests"], "2")
        self.assertEqual(first[2]["x-ratelimit-remaining-requests"], "1")
        self.assertRegex(first[2]["x-ratelimit-reset-requests"], r"^\d+(\.\d+)?(ms|s)$")
        client.ask("POST", "/v1/chat/completions", chat(self.server), x_api_key=key["key"])
        status, body, headers = client.ask("POST", "/v1/chat/completions", chat(self.server), x_api_key=key["key"])
        self.assertEqual((status, body["error"]["code"]), (429, "rate_limit_exceeded"))
        self.assertGreater(int(headers["Retry-After"]), 0)
        key = self.key("--tokens-per-day", "5")
        self.assertEqual(client.ask("POST", "/v1/chat/completions", chat(self.server), x_api_key=key["key"])[0], 200)
        status, body, _ = client.ask("POST", "/v1/chat/completions", chat(self.server), x_api_key=key["key"])
        self.assertEqual((status, body["error"]["code"]), (429, "insufficient_quota"))
        key = self.key("--parallel", "1")
        connection, answer = client.send("POST", "/v1/chat/completions", endless(self.server), x_api_key=key["key"])
        answer.readline()
        status, body, _ = client.ask("POST", "/v1/chat/completions", chat(self.server), x_api_key=key["key"])
        self.assertEqual((status, body["error"]["code"]), (429, "rate_limit_exceeded"))
        connection.close()

    def test_allowed_models(self):
        client, key = self.client(), self.key("--model", "another")
        self.assertEqual(client.ask("GET", "/v1/models", x_api_key=key["key"])[1]["data"], [])
        status, body, _ = client.ask("POST", "/v1/chat/completions", chat(self.server), x_api_key=key["key"])
        self.assertEqual((status, body["error"]["code"]), (404, "model_not_found"))

    def test_usage_is_counted_and_private(self):
        add_user(self.server.data, "counted")
        counted, admin = self.client("counted"), self.client("admin")
        key = self.key(user="counted")
        status, answer, _ = counted.ask("POST", "/v1/chat/completions", chat(self.server))
        self.assertEqual(status, 200)
        self.assertEqual(counted.ask("POST", "/v1/chat/completions", chat(self.server, model="none"),
                                     x_api_key=key["key"])[0], 404)
        end = time.monotonic() + 5
        while counted.ask("GET", "/api/usage")[1]["total"]["requests"] < 2 and time.monotonic() < end:
            time.sleep(0.02)
        total = counted.ask("GET", "/api/usage")[1]["total"]
        self.assertEqual((total["requests"], total["errors"]), (2, 1))
        for count in ("prompt_tokens", "completion_tokens"):
            self.assertEqual(total[count], answer["usage"][count])
            self.assertGreater(total[count], 0)
        groups = counted.ask("GET", "/api/usage?group=key")[1]["groups"]
        self.assertEqual([group["group"] for group in groups], ["", key["id"]])
        self.assertEqual(counted.ask("GET", "/api/usage?to=2001-01-01")[1]["total"]["requests"], 0)
        self.assertEqual(counted.ask("GET", "/api/usage?from=yesterday")[0], 400)
        self.assertEqual(counted.ask("GET", "/api/usage?account_id=owner")[0], 400, "another user's")
        status, csv, headers = counted.ask("GET", "/api/usage.csv")
        self.assertEqual((status, csv.count("\r\n")), (200, 3))
        self.assertIn("text/csv", headers["Content-Type"])
        self.assertEqual(counted.ask("GET", "/api/admin/usage")[0], 403)
        everybody = admin.ask("GET", "/api/admin/usage?group=account")[1]["groups"]
        self.assertIn(2, [group["requests"] for group in everybody])
        self.assertGreaterEqual(admin.ask("GET", "/api/admin/usage.csv")[1].count("\r\n"), 3)

    def test_a_client_that_leaves_pays_for_what_it_used(self):
        add_user(self.server.data, "hasty")
        hasty = self.client("hasty")
        connection, answer = hasty.send("POST", "/v1/chat/completions", endless(self.server))
        for _ in range(20):
            answer.readline()
        connection.close()
        answer.close()
        end = time.monotonic() + 10
        while hasty.ask("GET", "/api/usage")[1]["total"]["requests"] < 1 and time.monotonic() < end:
            time.sleep(0.02)
        total = hasty.ask("GET", "/api/usage")[1]["total"]
        self.assertGreaterEqual(total["completion_tokens"], 8)
        self.assertGreater(total["prompt_tokens"], 5)
        self.assertIn("client_closed_request", hasty.ask("GET", "/api/usage.csv")[1])

    def test_administrators_manage_accounts(self):
        admin = self.client("admin")
        status, made, _ = admin.ask("POST", "/api/admin/users", {"name": "new", "password": PASSWORD})
        self.assertEqual(status, 201)
        self.assertEqual(admin.ask("POST", "/api/admin/users", {"name": "NEW", "password": PASSWORD})[0], 409)
        path = "/api/admin/users/" + made["id"]
        self.assertEqual(self.client("new").ask("PATCH", path, {"role": "admin"})[0], 403)
        self.assertEqual(admin.ask("PATCH", path, {"role": "king"})[0], 400)
        self.assertEqual(admin.ask("PATCH", path, {"role": "admin"})[1]["role"], "admin")
        self.assertEqual(admin.ask("PATCH", path, {"password": "something else"})[0], 200)
        self.assertEqual(self.client().login("new", "something else")[0], 200)
        self.assertEqual(admin.ask("DELETE", path)[0], 204)
        self.assertEqual(admin.ask("DELETE", path)[0], 404)
        self.assertEqual(admin.ask("DELETE", "/api/admin/users/owner")[0], 409)
        self.assertEqual(self.client().login("new", "something else")[0], 401)

    def test_too_many_tries_are_slowed_down(self):
        client = self.client()
        statuses = [client.ask("POST", "/api/login", {"name": "victim", "password": "wrong one"},
                               X_Forwarded_For="203.0.113.%d" % i)[0] for i in range(12)]
        self.assertEqual(statuses, [401] * 10 + [429] * 2)
        statuses = [client.ask("POST", "/api/login", {"name": "victim%d" % i, "password": "wrong one"},
                               X_Forwarded_For="6.6.6.6, 198.51.100.9")[0] for i in range(12)]
        self.assertEqual(statuses, [401] * 10 + [429] * 2)
        self.assertEqual(client.ask("POST", "/api/login", {"name": "admin", "password": PASSWORD},
                                    X_Forwarded_For="203.0.113.99")[0], 200, "others are not affected")

    def test_an_idempotency_key_gives_the_same_answer_again(self):
        client, key = self.client(), self.key()
        headers = {"x_api_key": key["key"], "Idempotency_Key": "order-1"}
        body = chat(self.server)
        first = client.ask("POST", "/v1/chat/completions", body, **headers)
        again = client.ask("POST", "/v1/chat/completions", body, **headers)
        self.assertEqual(first[0], 200)
        self.assertEqual(again[1], first[1])
        self.assertEqual(again[2]["Idempotent-Replayed"], "true")
        other = client.ask("POST", "/v1/chat/completions", {**body, "max_tokens": 9}, **headers)
        self.assertEqual((other[0], other[1]["error"]["code"]), (422, "idempotency_key_reused"))
        admins = self.client("admin").ask("POST", "/v1/chat/completions", body, Idempotency_Key="order-1")
        self.assertNotEqual(admins[1]["id"], first[1]["id"], "another user's key is another key")
        headers["Idempotency_Key"] = "stream-1"
        body = chat(self.server, stream=True)
        first = client.ask("POST", "/v1/chat/completions", body, **headers)
        self.assertIn("[DONE]", first[1])
        self.assertEqual(client.ask("POST", "/v1/chat/completions", body, **headers)[1], first[1])
        headers["Idempotency_Key"] = "running-1"
        connection, answer = client.send("POST", "/v1/chat/completions", endless(self.server), **headers)
        answer.readline()
        running = client.ask("POST", "/v1/chat/completions", endless(self.server), **headers)
        self.assertEqual((running[0], running[1]["error"]["code"]), (409, "idempotency_key_in_use"))
        connection.close()
        wrong = client.ask("POST", "/v1/chat/completions", body, x_api_key=key["key"], Idempotency_Key="x" * 256)
        self.assertEqual(wrong[0], 400)

    def test_proxies_are_believed_and_others_not(self):
        client = self.client("admin")
        # The way through the proxy: its client spoke https to chat.example.
        through = {"Host": "chat.example", "Origin": "https://chat.example", "X_Forwarded_Proto": "https"}
        self.assertEqual(client.ask("GET", "/api/me", **through)[0], 200)
        self.assertEqual(client.ask("GET", "/api/me", Host="other.example")[0], 403)
        self.assertEqual(client.ask("GET", "/api/me", Host="192.168.7.7")[0], 200, "an address is no DNS name")
        self.assertEqual(client.ask("POST", "/api/logout", Origin="https://evil.example")[0], 403)
        self.assertEqual(client.ask("POST", "/api/logout", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors")[0], 403)


class Limits(unittest.TestCase):
    def test_every_limit_is_a_setting(self):
        with Server(program, "--model", model, "--max-messages", "2", "--max-json-depth", "5", "--max-tools", "1",
                    "--max-stops", "1", "--max-stop-bytes", "4", "--max-body-bytes", "4096", "--max-header-bytes", "2048",
                    "--max-header-fields", "12") as server:
            server.model_id = server.model()
            client = Client(server.url)
            message = {"role": "user", "content": "hi"}
            cases = [
                (chat(server, messages=[message] * 3), 400, "invalid_value", "messages"),
                (chat(server, chat_template_kwargs={"a": [[[[1]]]]}), 400, "invalid_json", None),
                (chat(server, tools=[{}, {}]), 400, "invalid_value", "tools"),
                (chat(server, stop=["a", "b"]), 400, "invalid_value", "stop"),
                (chat(server, stop="12345"), 400, "invalid_value", "stop"),
                (chat(server, user="x" * 5000), 413, "request_too_large", None),
            ]
            for body, status, code, param in cases:
                answer = client.ask("POST", "/v1/chat/completions", body)
                error = answer[1]["error"]
                self.assertEqual((answer[0], error["code"], error["param"]), (status, code, param))
            self.assertEqual(client.ask("GET", "/health", **{"X": "x" * 3000})[0], 431)
            self.assertEqual(client.ask("GET", "/health", **{"X%d" % i: "x" for i in range(20)})[0], 431)
            self.assertEqual(client.ask("POST", "/v1/chat/completions", chat(server))[0], 200)

    def median(self, ask, expected: int) -> float:
        times = []
        for _ in range(15):
            begin = time.monotonic()
            answer = ask()
            times.append(time.monotonic() - begin)
            self.assertEqual(answer[0], expected)
            if expected != 200:
                self.assertIn("Retry-After", answer[2])
        return sorted(times)[len(times) // 2]

    def test_refusals_are_quick_while_the_engine_is_full(self):
        with AccountServer("--max-queue", "0") as server:
            admin = create_key(server.data, "admin")["key"]
            kim = create_key(server.data, "김두레", "--parallel", "1")["key"]
            client = Client(server.url)
            running = [client.send("POST", "/v1/chat/completions", endless(server), x_api_key=kim)]
            for _ in range(63):
                running.append(client.send("POST", "/v1/chat/completions", endless(server), x_api_key=admin))
            full = self.median(lambda: client.ask("POST", "/v1/chat/completions", chat(server), x_api_key=admin), 503)
            health = self.median(lambda: client.ask("GET", "/health"), 200)
            running.pop()[0].close()  # one place is free again: now it is kim's own limit
            end = time.monotonic() + 10
            while client.ask("POST", "/v1/chat/completions", chat(server), x_api_key=kim)[0] != 429:
                self.assertLess(time.monotonic(), end)
            own = self.median(lambda: client.ask("POST", "/v1/chat/completions", chat(server), x_api_key=kim), 429)
            self.assertLess(full, 0.05)
            self.assertLess(own, 0.05)
            self.assertLess(health, 0.01)
            for connection, answer in running:
                self.assertEqual(answer.status, 200)
                connection.close()
                answer.close()


class Tls(unittest.TestCase):
    def test_everything_works_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = folder + "/key.pem", folder + "/cert.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
            with AccountServer("--tls-cert", certificate, "--tls-key", key) as server:
                self.assertTrue(server.url.startswith("https://"))
                context = ssl.create_default_context(cafile=certificate)
                client = Client(server.url, context)
                status, _, headers = client.login("admin")
                self.assertEqual(status, 200)
                self.assertIn("; Secure", headers["Set-Cookie"])
                self.assertEqual(client.ask("GET", "/v1/models")[0], 200)
                self.assertIn("[DONE]", client.ask("POST", "/v1/chat/completions", chat(server, stream=True))[1])
                self.assertEqual(client.ask("GET", "/v1/models", Origin=server.url)[0], 200)
                self.assertEqual(client.ask("GET", "/v1/models", Origin=server.url.replace("s:", ":"))[0], 403)
                self.leaves(server, client)
                self.keeps_alive(client)
                self.old_versions_are_refused(server)
                self.plain_text_is_dropped(server)

    def leaves(self, server, client):
        connection, answer = client.send("POST", "/v1/chat/completions", endless(server))
        answer.readline()
        connection.close()
        answer.close()
        end = time.monotonic() + 10
        while client.ask("GET", "/api/app/stats")[1]["models"][0]["running"] > 0 and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(client.ask("GET", "/api/app/stats")[1]["models"][0]["running"], 0)

    def keeps_alive(self, client):
        connection = client.connect()
        for _ in range(3):
            connection.request("GET", "/health")
            self.assertEqual(connection.getresponse().read(), b'{"status":"ok"}')
        connection.close()

    def old_versions_are_refused(self, server):
        url = urllib.parse.urlsplit(server.url)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.minimum_version = ssl.TLSVersion.TLSv1
        with self.assertRaises((ssl.SSLError, OSError)):
            with socket.create_connection((url.hostname, url.port), timeout=20) as raw:
                context.wrap_socket(raw)

    def plain_text_is_dropped(self, server):
        url = urllib.parse.urlsplit(server.url)
        with socket.create_connection((url.hostname, url.port), timeout=20) as raw:
            raw.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertNotIn(b"200", raw.recv(4096))


if __name__ == "__main__":
    unittest.main(verbosity=2)
