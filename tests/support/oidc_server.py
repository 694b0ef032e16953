"""A stand-in OpenID provider: its keys as a JWK set over HTTP or HTTPS, and tokens signed with them (RFC 7515, 7517,
7519). Keys and signatures are python3-cryptography's, which awscli brings along."""
import base64
import http.server
import json
import ssl
import threading
import time

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PATH = "/.well-known/jwks.json"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(value):
    """A token's part: bytes as they are, anything else as JSON."""
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


class Key:
    """An RSA key with the name by which the set has it."""

    def __init__(self, kid, bits=2048):
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    @property
    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        n, e = (base64url(i.to_bytes((i.bit_length() + 7) // 8, "big")) for i in (numbers.n, numbers.e))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": e}

    def public(self, encoding):
        return self.private.public_key().public_bytes(
            {"PEM": serialization.Encoding.PEM, "DER": serialization.Encoding.DER}[encoding],
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )

    def sign(self, text, digest=None, scheme=None):
        return self.private.sign(text, scheme or padding.PKCS1v15(), digest or hashes.SHA256())

    def sign_pss(self, text):
        return self.sign(text, scheme=padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH))


def token(key, claims, header=None, sign=None):
    """`header` is laid over that of an RS256 token (a member that is None is left out); `sign` makes another
    signature of the text."""
    whole = {"alg": "RS256", "typ": "JWT", "kid": key.kid, **(header or {})}
    text = f"{encoded({k: v for k, v in whole.items() if v is not None})}.{encoded(claims)}"
    return f"{text}.{base64url((sign or key.sign)(text.encode()))}"


def hmac_signer(secret):
    def sign(text):
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(text)
        return mac.finalize()

    return sign


class Provider:
    """`fetches` counts requests for the keys. `certificate` (of redis_server.make_certificate's kind) makes it HTTPS."""

    CLIENT = "the-app"

    def __init__(self, certificate=None):
        self.certificate = certificate
        self.key = Key("first")
        self.keys = [self.key]
        self.answer = None  # (status, body): what every fetch gets instead of the keys
        self.fetches = 0
        self._lock = threading.Lock()
        self.port = 0
        self.server = None
        self.start()

    @property
    def issuer(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    @property
    def jwks_uri(self):
        return self.issuer + PATH

    def start(self):
        """Again on the same port, if it had one."""
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, body = provider.reply(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate.certificate, self.certificate.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """An outage: connections are refused."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def reply(self, path):
        if path != PATH:
            return 404, b"{}"
        with self._lock:
            self.fetches += 1
            if self.answer:
                return self.answer
            return 200, json.dumps({"keys": [k.jwk for k in self.keys]}).encode()

    def rotate(self, kid, keep=True):
        """Another key signs from now on; the old ones stay in the set, or don't."""
        key = Key(kid)
        with self._lock:
            self.key = key
            self.keys = [*(self.keys if keep else []), key]
        return key

    def claims(self, sub, **more):
        """An access token's, as Cognito has them; a claim that is None is left out."""
        now = int(time.time())
        whole = {
            "iss": self.issuer, "sub": sub, "client_id": self.CLIENT, "token_use": "access", "scope": "openid",
            "iat": now, "exp": now + 3600, **more,
        }  # fmt: skip
        return {name: value for name, value in whole.items() if value is not None}

    def token(self, sub, **claims):
        return token(self.key, self.claims(sub, **claims))

    def config(self, **more):
        """What `auth.jwt` says of it."""
        return {
            "issuer": self.issuer, "jwks_uri": self.jwks_uri, "client_id": self.CLIENT, "token_use": "access", **more,
        }  # fmt: skip


def bearer(text):
    return {"Authorization": f"Bearer {text}"}
