"""A stand-in for mongod, where none can be installed.

It speaks MongoDB's protocol with logins, and knows of replica sets what somebody needs who initiates one, adds members
and keeps its users. Members are servers in this process, on ports of 127.0.0.1. What takes time in MongoDB, the
election of a primary and the delivery of a configuration, has happened by the next command.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import bson
from servers.ports import free_port

Document = dict[str, Any]

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MORE_TO_COME = 2
BUILT_IN = ("backup", "clusterMonitor", "dbAdmin", "read", "readWrite", "root")
ITERATIONS = 4096  # The least that clients accept.

PRIMARY, SECONDARY, STARTUP2, DOWN = 1, 2, 5, 8


class Refused(Exception):
    """A command that the server answers with an error."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.reply: Document = {"ok": 0.0, "errmsg": message, "code": code, "codeName": name}


def not_primary() -> Refused:
    return Refused(10107, "NotWritablePrimary", "not primary")


class User:
    """A user, with what the server keeps of the password."""

    def __init__(self, password: str, roles: list[Document]) -> None:
        self.roles = roles
        self.set_password(password)

    def set_password(self, password: str) -> None:
        self.salt = os.urandom(16)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), self.salt, ITERATIONS)
        self.stored_key = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
        self.server_key = _hmac(salted, b"Server Key")

    def accepts(self, password: str) -> bool:
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), self.salt, ITERATIONS)
        return hashlib.sha256(_hmac(salted, b"Client Key")).digest() == self.stored_key


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


@dataclass
class ReplicaSet:
    """What all members share."""

    config: Document
    users: dict[tuple[str, str], User] = field(default_factory=dict)
    roles: dict[tuple[str, str], Document] = field(default_factory=dict)
    documents: dict[str, list[Document]] = field(default_factory=dict)
    """By the name of the collection."""
    primary: Mongod | None = None
    elections: int = 0

    @property
    def hosts(self) -> list[str]:
        return [member["host"] for member in self.config["members"]]


class World:
    """All servers, and the rules among them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.servers: dict[str, Mongod] = {}
        self.favourite = ""
        """The server that becomes the primary if it can."""
        self.syncs = True
        """Whether new members get their data."""
        self.tls: ssl.SSLContext | None = None
        """With it, servers speak TLS and nothing else."""

    def add(self) -> Mongod:
        """Start another server, empty."""
        server = Mongod(self, free_port())
        self.servers[server.host] = server
        server.start()
        return server

    def close(self) -> None:
        for server in self.servers.values():
            server.stop()

    def settle(self) -> None:
        """Let happen what happens by itself: heartbeats and elections."""
        for replica_set in {id(s.set): s.set for s in self.servers.values() if s.set}.values():
            up = [server for host in replica_set.hosts if (server := self.servers.get(host)) and server.running]
            for server in up:
                if server.set is None and any(other.set is replica_set for other in up):
                    server.set = replica_set
            members = [server for server in up if server.set is replica_set]
            for server in members:
                server.synced = server.synced or self.syncs
            has_majority = len(members) > len(replica_set.hosts) // 2
            if replica_set.primary and (replica_set.primary not in members or not has_majority):
                replica_set.primary = None
            electable = [server for server in members if server.synced]
            if replica_set.primary is None and has_majority and electable:
                electable.sort(key=lambda server: server.host != self.favourite)
                replica_set.primary = electable[0]
                replica_set.elections += 1


class Mongod:
    """One server.

    Args:
        world: the servers that it hears of.
        port: of 127.0.0.1.
    """

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.host = f"127.0.0.1:{port}"
        self.set: ReplicaSet | None = None
        self.synced = False
        self.commands: list[str] = []
        """All commands but those of which clients send many: greetings and the steps of a login."""
        self.logins: list[str] = []
        self.knows_hello = True
        self.formats = "6.0"
        self._server: _Server | None = None

    @property
    def running(self) -> bool:
        return self._server is not None

    def start(self) -> None:
        self._server = _Server(self, int(self.host.partition(":")[2]))

    def stop(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    @property
    def state(self) -> int:
        """As replSetGetStatus has it."""
        if not self.running:
            return DOWN
        if self.set and self.set.primary is self:
            return PRIMARY
        return SECONDARY if self.synced else STARTUP2

    def answer(self, command: Document, client: Client) -> Document:
        """The reply to a command."""
        with self.world.lock:
            self.world.settle()
            try:
                reply = self._run(command, client)
            except Refused as refused:
                return refused.reply
            self.world.settle()
            return {**reply, "ok": 1.0}

    def _run(self, command: Document, client: Client) -> Document:
        name = next(iter(command))
        if name in ("hello", "isMaster", "ismaster") and (self.knows_hello or name != "hello"):
            return self._hello(command)
        if name in ("ping", "endSessions"):
            return {}
        if name == "saslStart":
            return client.begin_login(self._users(), command["$db"], bytes(command["payload"]))
        if name == "saslContinue":
            reply = client.finish_login(bytes(command["payload"]))
            self.logins.append(client.user)
            return reply
        self.commands.append(f"{client.user or 'nobody'}: {name}")
        run: Mapping[str, Callable[[Document], Document]] = {
            "replSetInitiate": self._initiate,
            "replSetGetConfig": self._get_config,
            "replSetGetStatus": self._get_status,
            "replSetReconfig": self._reconfig,
            "usersInfo": self._users_info,
            "createUser": self._create_user,
            "updateUser": self._update_user,
            "rolesInfo": self._roles_info,
            "getParameter": self._get_parameter,
            "createRole": self._create_role,
            "updateRole": self._update_role,
            "find": self._find,
        }
        if name not in run:
            raise Refused(59, "CommandNotFound", f"no such command: '{name}'")
        self._authorize(name, client)
        return run[name](command)

    def _authorize(self, name: str, client: Client) -> None:
        user = self._users().get(client.identity)
        if user and {"role": "root", "db": "admin"} in user.roles:
            return
        if user and name == "find" and {"role": "readWrite", "db": client.identity[0]} in user.roles:
            return
        # The localhost exception; all clients are on this host.
        if self._users() or name not in ("replSetInitiate", "createUser"):
            raise Refused(13, "Unauthorized", f"Command {name} requires authentication")

    def _users(self) -> dict[tuple[str, str], User]:
        return self.set.users if self.set else {}

    def _hello(self, command: Document) -> Document:
        writable = self.state == PRIMARY
        reply: Document = {
            "helloOk": True,
            "isWritablePrimary": writable,
            "secondary": self.set is not None and self.state == SECONDARY,
            "maxBsonObjectSize": 16 * 1024 * 1024,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "logicalSessionTimeoutMinutes": 30,
            "minWireVersion": 0,
            "maxWireVersion": 21,
            "readOnly": False,
        }
        if "hello" not in command:
            reply["ismaster"] = reply.pop("isWritablePrimary")
        if "saslSupportedMechs" in command:
            reply["saslSupportedMechs"] = ["SCRAM-SHA-256"]
        if self.set is None:
            return {**reply, "isreplicaset": True, "info": "Does not have a valid replica set config"}
        if self.set.primary:
            reply["primary"] = self.set.primary.host
            reply["electionId"] = bson.ObjectId(f"{self.set.elections:024x}")
        return {
            **reply,
            "setName": self.set.config["_id"],
            "setVersion": self.set.config["version"],
            "hosts": self.set.hosts,
            "me": self.host,
        }

    def _initiate(self, command: Document) -> Document:
        config = command["replSetInitiate"]
        if self.set:
            raise Refused(23, "AlreadyInitialized", "already initialized")
        for member in config["members"]:
            server = self.world.servers.get(member["host"])
            if server is None or not server.running:
                message = "replSetInitiate quorum check failed because not all proposed set members responded"
                raise Refused(74, "NodeNotFound", f"{message} affirmatively: {member['host']}")
            if server.set:
                message = f"'{server.host}' has data already, cannot initiate set."
                raise Refused(110, "CannotInitializeNodeWithData", message)
        self.set = ReplicaSet({**config, "version": 1, "settings": {"replicaSetId": bson.ObjectId()}})
        self.synced = True
        return {}

    def _member_of(self) -> ReplicaSet:
        if self.set is None:
            raise Refused(94, "NotYetInitialized", "no replset config has been received")
        return self.set

    def _led(self) -> ReplicaSet:
        replica_set = self._member_of()
        if replica_set.primary is not self:
            raise not_primary()
        return replica_set

    def _get_config(self, command: Document) -> Document:
        committed = {"commitmentStatus": True} if command.get("commitmentStatus") else {}
        return {"config": self._member_of().config, **committed}

    def _get_status(self, _: Document) -> Document:
        members: list[Document] = []
        for host in self._member_of().hosts:
            server = self.world.servers.get(host)
            members.append({"name": host, "state": server.state if server else DOWN})
        return {"members": members}

    def _reconfig(self, command: Document) -> Document:
        replica_set = self._led()
        config = command["replSetReconfig"]
        hosts = {member["host"] for member in config["members"]}
        if config["version"] <= replica_set.config["version"]:
            raise Refused(103, "NewReplicaSetConfigurationIncompatible", "version is not larger")
        if len(hosts.symmetric_difference(replica_set.hosts)) > 1 or len(hosts) != len(config["members"]):
            message = "Non force replica set reconfig can only add or remove at most 1 voting member."
            raise Refused(93, "InvalidReplicaSetConfig", message)
        replica_set.config = config
        return {}

    def _users_info(self, command: Document) -> Document:
        wanted = command["usersInfo"]
        user = self._users().get((wanted["db"], wanted["user"]))
        return {"users": [{"user": wanted["user"], "db": wanted["db"], "roles": user.roles}] if user else []}

    def _create_user(self, command: Document) -> Document:
        users = self._led().users
        identity = (command["$db"], command["createUser"])
        if identity in users:
            raise Refused(51003, "Location51003", f'User "{identity[1]}@{identity[0]}" already exists')
        self._check_roles(command["roles"])
        users[identity] = User(command["pwd"], command["roles"])
        return {}

    def _roles_info(self, command: Document) -> Document:
        wanted = command["rolesInfo"]
        role = self._member_of().roles.get((wanted["db"], wanted["role"]))
        shown = {} if role is None or command.get("showPrivileges") else {"privileges": None}
        return {"roles": [{"role": wanted["role"], "db": wanted["db"], **role, **shown}] if role else []}

    def _create_role(self, command: Document) -> Document:
        roles = self._led().roles
        identity = (command["$db"], command["createRole"])
        if identity in roles:
            raise Refused(51002, "Location51002", f'Role "{identity[1]}@{identity[0]}" already exists')
        roles[identity] = {name: command[name] for name in ("privileges", "roles")}
        return {}

    def _update_role(self, command: Document) -> Document:
        roles = self._led().roles
        identity = (command["$db"], command["updateRole"])
        if identity not in roles:
            raise Refused(31, "RoleNotFound", f"Could not find role: {identity[1]}@{identity[0]}")
        roles[identity] = {name: command[name] for name in ("privileges", "roles")}
        return {}

    def _get_parameter(self, command: Document) -> Document:
        assert command["featureCompatibilityVersion"]
        return {"featureCompatibilityVersion": {"version": self.formats}}

    def _find(self, command: Document) -> Document:
        documents = self._member_of().documents.get(command["find"], [])
        found = [each for each in documents if command.get("filter", {}).items() <= each.items()]
        return {"cursor": {"id": 0, "ns": f"{command['$db']}.{command['find']}", "firstBatch": found[:1]}}

    def _check_roles(self, roles: list[Document]) -> None:
        for role in roles:
            if role["role"] not in BUILT_IN and (role["db"], role["role"]) not in self._member_of().roles:
                raise Refused(31, "RoleNotFound", f"Could not find role: {role['role']}@{role['db']}")

    def _update_user(self, command: Document) -> Document:
        user = self._led().users[command["$db"], command["updateUser"]]
        self._check_roles(command.get("roles", []))
        user.roles = command.get("roles", user.roles)
        if "pwd" in command:
            user.set_password(command["pwd"])
        return {}


class Client:
    """What a server knows of a connection: who is logged in, by SCRAM-SHA-256."""

    def __init__(self) -> None:
        self.identity = ("", "")

    @property
    def user(self) -> str:
        return self.identity[1]

    def begin_login(self, users: Mapping[tuple[str, str], User], database: str, payload: bytes) -> Document:
        self._first = payload.partition(b",,")[2]
        fields = _fields(self._first)
        self._claimed = (database, fields["n"])
        if self._claimed not in users:
            raise self._failed()
        self._user = users[self._claimed]
        self._nonce = fields["r"] + base64.b64encode(os.urandom(18)).decode()
        salt = base64.b64encode(self._user.salt).decode()
        self._challenge = f"r={self._nonce},s={salt},i={ITERATIONS}".encode()
        return {"conversationId": 1, "done": False, "payload": self._challenge}

    def finish_login(self, payload: bytes) -> Document:
        bare, _, proof = payload.rpartition(b",p=")
        message = b",".join((self._first, self._challenge, bare))
        signature = _hmac(self._user.stored_key, message)
        key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
        if _fields(bare)["r"] != self._nonce or hashlib.sha256(key).digest() != self._user.stored_key:
            raise self._failed()
        self.identity = self._claimed
        verifier = base64.b64encode(_hmac(self._user.server_key, message))
        return {"conversationId": 1, "done": True, "payload": b"v=" + verifier}

    @staticmethod
    def _failed() -> Refused:
        return Refused(18, "AuthenticationFailed", "Authentication failed.")


def _fields(message: bytes) -> dict[str, str]:
    pairs = (field.partition("=") for field in message.decode().split(","))
    return {name: value for name, _, value in pairs}


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, mongod: Mongod, port: int) -> None:
        self.mongod = mongod
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Connection)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the thread of the connection: others need not wait for its handshake, which clients may break off.
        if context := self.mongod.world.tls:
            with suppress(OSError), context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        else:
            super().finish_request(request, client_address)

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.connections.add(self.connection)
        client = Client()
        with suppress(ConnectionError):
            while header := self.rfile.read(16):
                length, request, _, operation = struct.unpack("<4i", header)
                self._reply(request, operation, self.rfile.read(length - 16), client)
        self.server.connections.discard(self.connection)

    def _reply(self, request: int, operation: int, body: bytes, client: Client) -> None:
        if operation == OP_MSG:
            flags, kind = struct.unpack("<IB", body[:5])
            assert kind == 0, "a document sequence"
            reply = self.server.mongod.answer(bson.decode(body[5:]), client)
            if flags & MORE_TO_COME:
                return
            payload = struct.pack("<IB", 0, 0) + bson.encode(reply)
            self._send(request, OP_MSG, payload)
        elif operation == OP_QUERY:
            # Old and new clients greet so: flags, the collection's name, two numbers, and the command.
            document = body[body.index(b"\0", 4) + 9 :]
            reply = self.server.mongod.answer(bson.decode(document), client)
            self._send(request, OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(reply))
        else:
            raise NotImplementedError(f"operation {operation}")

    def _send(self, request: int, operation: int, payload: bytes) -> None:
        self.wfile.write(struct.pack("<4i", 16 + len(payload), 0, request, operation) + payload)
