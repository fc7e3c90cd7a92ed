#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks a recorded SPDM conversation from its bytes and the ECDH secret.

An implementation of its own, from DSP0274 and DSP0277 and nothing else than
Python's standard library: transcripts, key schedule, AES-GCM, ECDSA. It shares
no line with the code that made the recording.

The recording: "x <hex>", the ECDH secret, and then for each DOE object
"<direction> <type> <hex>", direction ">" for requests, "<" for responses.
"""

import hashlib
import hmac
import struct
import sys

# P-384 (SP 800-186)
P = 2**384 - 2**128 - 2**96 + 2**32 - 1
N = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973
G = (0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7,
     0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f)


def ec_add(a, b):
    if a is None:
        return b
    if b is None:
        return a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def ec_mul(k, point):
    result = None
    while k:
        if k & 1:
            result = ec_add(result, point)
        point = ec_add(point, point)
        k >>= 1
    return result


def number(octets):
    return int.from_bytes(octets, "big")


def ecdsa_ok(pub, digest, sig):
    point = number(pub[:48]), number(pub[48:])
    r, s = number(sig[:48]), number(sig[48:])
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    got = ec_add(ec_mul(number(digest) * inverse % N, G),
                 ec_mul(r * inverse % N, point))
    return got is not None and got[0] % N == r


# AES-256 (FIPS 197), the forward cipher is all that GCM needs
def xtime(a):
    return (a << 1 ^ (0x11b if a & 0x80 else 0)) & 0xff


def make_sbox():
    box = [0] * 256
    p = q = 1
    while True:
        p = p ^ xtime(p)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xff
        if q & 0x80:
            q ^= 0x09
        rot = q
        x = q
        for _ in range(4):
            rot = (rot << 1 | rot >> 7) & 0xff
            x ^= rot
        box[p] = x ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    return box


SBOX = make_sbox()


def expand_key(key):
    words = [list(key[i:i + 4]) for i in range(0, 32, 4)]
    rcon = 1
    for i in range(8, 60):
        w = list(words[i - 1])
        if i % 8 == 0:
            w = [SBOX[b] for b in w[1:] + w[:1]]
            w[0] ^= rcon
            rcon = xtime(rcon)
        elif i % 8 == 4:
            w = [SBOX[b] for b in w]
        words.append([a ^ b for a, b in zip(words[i - 8], w)])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]


def aes(keys, block):
    s = [a ^ b for a, b in zip(block, keys[0])]
    for rnd in range(1, 15):
        s = [SBOX[b] for b in s]
        s = [s[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if rnd < 14:
            mixed = []
            for c in range(0, 16, 4):
                col = s[c:c + 4]
                for i in range(4):
                    a, b = col[i], col[(i + 1) % 4]
                    mixed.append(xtime(a) ^ xtime(b) ^ b ^
                                 col[(i + 2) % 4] ^ col[(i + 3) % 4])
            s = mixed
        s = [a ^ b for a, b in zip(s, keys[rnd])]
    return bytes(s)


def ghash(h, data):
    h = number(h)
    y = 0
    for i in range(0, len(data), 16):
        y ^= number(data[i:i + 16].ljust(16, b"\0"))
        z, v = 0, h
        for bit in range(127, -1, -1):
            if y >> bit & 1:
                z ^= v
            v = v >> 1 ^ (0xe1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def gcm_open(key, nonce, aad, data, tag):
    keys = expand_key(key)

    def pad(x):
        return x + b"\0" * (-len(x) % 16)

    mac = ghash(aes(keys, bytes(16)), pad(aad) + pad(data) +
                struct.pack(">QQ", 8 * len(aad), 8 * len(data)))
    first = aes(keys, nonce + struct.pack(">I", 1))
    assert bytes(a ^ b for a, b in zip(mac, first)) == tag, "GCM tag"
    out = b""
    for i in range(0, len(data), 16):
        stream = aes(keys, nonce + struct.pack(">I", 2 + i // 16))
        out += bytes(a ^ b for a, b in zip(data[i:i + 16], stream))
    return out


# SPDM
def sha(data):
    return hashlib.sha384(data).digest()


def mac384(key, data):
    return hmac.new(key, data, hashlib.sha384).digest()


def expand(secret, label, context, length):
    info = struct.pack("<H", length) + b"spdm1.2 " + label + context
    return mac384(secret, info + b"\1")[:length]


def signed(context, transcript):
    prefix = b"dmtf-spdm-v1.2.*" * 4
    return sha(prefix + context.rjust(36, b"\0") + sha(transcript))


class Direction:
    def __init__(self, secret):
        self.key = expand(secret, b"key", b"", 32)
        self.iv = expand(secret, b"iv", b"", 12)
        self.count = 0

    def open(self, record):
        session, length = struct.unpack("<IH", record[:6])
        assert len(record) == 6 + length, "record length"
        seq = struct.pack("<Q", self.count) + bytes(4)
        self.count += 1
        nonce = bytes(a ^ b for a, b in zip(self.iv, seq))
        plain = gcm_open(self.key, nonce, record[:6], record[6:-16],
                         record[-16:])
        assert len(plain) == 2 + struct.unpack("<H", plain[:2])[0], "random"
        return session, plain[2:]


def leaf_key(chain):
    # AlgorithmIdentifier's secp384r1, then a BIT STRING with a point
    mark = bytes.fromhex("06052b81040022036200" "04")
    at = chain.rindex(mark) + len(mark)
    return chain[at:at + 96]


def check(recording):
    shared = None
    messages = []
    with open(recording, encoding="ascii") as f:
        for line in f:
            fields = line.split()
            if fields[0] == "x":
                shared = bytes.fromhex(fields[1])
            else:
                messages.append((fields[0], int(fields[1]),
                                 bytes.fromhex(fields[2])))

    plain = [m for _, kind, m in messages if kind == 1]
    secured = [m for _, kind, m in messages if kind == 2]
    vca = b"".join(plain[:6])
    codes = [m[1] for m in plain]
    assert codes[:8] == [0x84, 0x04, 0xe1, 0x61, 0xe3, 0x63, 0x81, 0x01]
    challenge = codes.index(0x83)
    kex, kex_rsp = plain[-2:]
    assert (kex[1], kex_rsp[1]) == (0xe4, 0x64)

    chain = b"".join(m[8:] for m in plain if m[1] == 0x02)
    assert struct.unpack("<H", chain[:2])[0] == len(chain), "chain length"
    assert plain[7][4:] == sha(chain), "DIGESTS"
    pub = leaf_key(chain)

    m1 = b"".join(plain[:challenge + 2])
    assert ecdsa_ok(pub, signed(b"responder-challenge_auth signing", m1[:-96]),
                    m1[-96:]), "CHALLENGE_AUTH signature"

    th = vca + sha(chain) + kex + kex_rsp[:-144]
    assert ecdsa_ok(pub, signed(b"responder-key_exchange_rsp signing", th),
                    kex_rsp[-144:-48]), "KEY_EXCHANGE_RSP signature"
    th += kex_rsp[-144:-48]

    handshake = mac384(bytes(48), shared)
    req_hs = expand(handshake, b"req hs data", sha(th), 48)
    rsp_hs = expand(handshake, b"rsp hs data", sha(th), 48)
    finished = expand(rsp_hs, b"finished", b"", 48)
    assert mac384(finished, sha(th)) == kex_rsp[-48:], "ResponderVerifyData"
    th += kex_rsp[-48:]

    session = kex_rsp[4:6] + kex[4:6]
    session = struct.unpack("<H", kex[4:6])[0] | \
        struct.unpack("<H", kex_rsp[4:6])[0] << 16
    got, finish = Direction(req_hs).open(secured[0])
    assert got == session, "session id"
    finished = expand(req_hs, b"finished", b"", 48)
    th += finish[:4]
    assert finish[4:] == mac384(finished, sha(th)), "RequesterVerifyData"
    th += finish[4:]
    got, finish_rsp = Direction(rsp_hs).open(secured[1])
    assert got == session and finish_rsp == b"\x12\x65\0\0", "FINISH_RSP"
    th += finish_rsp

    salt = expand(handshake, b"derived", b"", 48)
    master = mac384(salt, bytes(48))
    req = Direction(expand(master, b"req app data", sha(th), 48))
    rsp = Direction(expand(master, b"rsp app data", sha(th), 48))
    opened = []
    for i in range(2, len(secured), 2):
        opened.append((req.open(secured[i])[1], rsp.open(secured[i + 1])[1]))
    meas, meas_rsp = opened[0]
    assert (meas[1], meas_rsp[1]) == (0xe0, 0x60)
    assert ecdsa_ok(pub, signed(b"responder-measurements signing",
                                vca + meas + meas_rsp[:-96]),
                    meas_rsp[-96:]), "MEASUREMENTS signature"
    assert [m[0][1] for m in opened[1:]] == [0xfe, 0xec]
    assert opened[1][0][12:] == b"hello" and opened[1][1][12:] == b"olleh"
    return len(messages)


if __name__ == "__main__":
    try:
        print("#", check(sys.argv[1]), "objects check out")
    except AssertionError as e:
        sys.exit(f"# oracle: {e}")
