#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Shows what the kernel's tool for netlink has dumped of a function's evidence, in JSON on
stdin, as a table; and writes to a folder: an object by its kind, and what is in the
certificate chain, root.der, issuers.pem and device.pem.
"""
import base64
import json
import sys

folder = sys.argv[1]
objects = {}


def write(name, data):
    """A file in the folder"""
    with open(f'{folder}/{name}', 'wb') as file:
        file.write(data)


def pem(certs):
    """As text"""
    return b''.join(b'-----BEGIN CERTIFICATE-----\n' + base64.encodebytes(cert) +
                    b'-----END CERTIFICATE-----\n' for cert in certs)


print(f'{"object":<18} {"generation":<10} {"bytes":>5}  SHA-384')
for part in json.load(sys.stdin):
    kind = part['type']
    if not part['offset']:
        objects[kind] = b''
        print(f'{kind:<18} {part["generation"]:<10} {part["total"]:>5}  {part["digest"][:32]}...')
    objects[kind] += bytes.fromhex(part['data'])
for kind, data in objects.items():
    write(kind, data)

# SPDM: a length, the digest of the root, and certificates of less than 64K each
chain = objects['certificate-chain'][52:]
certs = []
while chain:
    size = 4 + int.from_bytes(chain[2:4], 'big')
    certs.append(chain[:size])
    chain = chain[size:]
write('root.der', certs[0])
write('issuers.pem', pem(certs[:-1]))
write('device.pem', pem(certs[-1:]))
