#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Reference for verifiers of PCI functions, in a confidential VM: waits until a
function is locked, has its measurements made anew with a nonce, checks the
evidence about it, and accepts the function if all of it is as it should be.

Certificates have to lead to a given root, measurements have to be signed by the
device for that nonce, and to be those of a given list if there is one. All else that
an owner may want to know of a device has its place in verify().

Needs the openssl program, and the YNL library of the kernel's sources with PyYAML.
"""

import argparse
import base64
import collections
import errno
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

PCI = '/sys/bus/pci/devices'
HERE = os.path.dirname(os.path.abspath(__file__))

NONCE_BYTES = 32
PAGE_SHIFT = 12

# Exit status
REFUSED = 3


class Refused(Exception):
    """The evidence is not what it should be."""


class Outdated(Exception):
    """There is other evidence by now: begin again."""


# --- the kernel -----------------------------------------------------------------

def attribute(name, what):
    """Path of an attribute of a function"""
    return os.path.join(PCI, name, 'tsm', what)


def state(name):
    """State of a function, '' if it is none that can be locked"""
    try:
        with open(attribute(name, 'state'), encoding='ascii') as file:
            return file.read().strip()
    except OSError:
        return ''


class Kernel:
    """The generic netlink family, and who may be accepted by sysfs"""

    def __init__(self, ynl, spec, patience):
        sys.path.insert(0, os.path.dirname(os.path.abspath(ynl)))
        import pyynl  # pylint: disable=import-outside-toplevel,import-error
        self.refusal = pyynl.NlError
        try:
            # the specification is that of the kernel: no need to validate it
            self.family = pyynl.YnlFamily(spec, schema='')
            # the library has a socket listen to one group
            self.states = pyynl.YnlFamily(spec, schema='')
        except pyynl.YnlException as err:
            raise OSError(errno.ENOENT, str(err)) from None
        self.patience = patience

    def listen(self):
        """Before anybody looks at states: nothing is to fall in between"""
        self.states.ntf_subscribe('state')
        self.family.ntf_subscribe('evidence')

    def call(self, method, operation, **attrs):
        """Errors of the kernel become OSError"""
        try:
            return getattr(self.family, method)(operation, attrs)
        except self.refusal as err:
            raise OSError(err.error, f'{operation}: {err}') from None

    @staticmethod
    def arriving(family, seconds):
        """The next event that arrives, None if there is none in time"""
        try:
            for event in family.poll_ntf(duration=seconds):
                return event
        except OSError as err:
            if err.errno != errno.ENOBUFS:
                raise
            # some were dropped, nobody knows which
            return {'name': 'overflow', 'msg': {}}
        return None

    def state_event(self, seconds):
        """The next event about a state"""
        return self.arriving(self.states, seconds)

    def begin_refresh(self, name, nonce, deadline):
        """Somebody else may be at it"""
        while True:
            try:
                return self.call('do', 'refresh', dev=name, types=['measurements'], nonce=nonce)
            except OSError as err:
                if err.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
            self.arriving(self.family, 1)

    def refresh(self, name, nonce):
        """Have measurements made anew; the generation of the evidence then"""
        deadline = time.monotonic() + self.patience
        # what others had made
        while self.arriving(self.family, 0.001):
            pass
        self.begin_refresh(name, nonce, deadline)
        while True:
            event = self.arriving(self.family, deadline - time.monotonic())
            if not event:
                raise TimeoutError(errno.ETIMEDOUT, f'refresh: not over in {self.patience} s')
            if event['name'] == 'overflow':
                raise Outdated('events were dropped')
            told = event['msg']
            if told['dev'] != name or told['nonce'] != nonce:
                continue
            if told['error']:
                raise OSError(told['error'], f"refresh: {os.strerror(told['error'])}")
            return told['generation']

    def read(self, name):
        """The evidence about a function, in parts"""
        try:
            return self.call('dump', 'get', dev=name)
        except OSError as err:
            if err.errno == errno.EAGAIN:
                raise Outdated('made anew while it was read') from None
            raise

    def validate(self, name, generation):
        """Evidence was verified: nothing else is to be accepted"""
        try:
            self.call('do', 'validate', dev=name, generation=generation)
        except OSError as err:
            if err.errno == errno.ESTALE:
                raise Outdated('made anew since it was read') from None
            raise

    def accept(self, name):
        """With the evidence that was validated"""
        try:
            with open(attribute(name, 'accept'), 'wb', buffering=0) as file:
                file.write(b'1')
        except OSError as err:
            if err.errno in (errno.ESTALE, errno.EAGAIN):
                raise Outdated('made anew since it was verified') from None
            raise OSError(err.errno, f'accept: {os.strerror(err.errno)}') from None


# --- evidence, whole --------------------------------------------------------------

def need(truth, why):
    """What has to hold"""
    if not truth:
        raise Refused(why)


class Evidence:
    """Objects by their kind, put together from parts"""

    def __init__(self, parts):
        self.generation = 0
        self.objects = {}
        self.heads = {}
        for part in parts:
            self.add(part)
        for kind, head in self.heads.items():
            data = self.objects[kind]
            need(head['digest-alg'] == 'sha384', f'{kind}: a digest of another kind')
            need(len(data) == head['total'], f'{kind}: not whole')
            need(hashlib.sha384(data).digest() == head['digest'],
                 f'{kind}: not what its digest is of')

    def add(self, part):
        """Parts of an object come in order, and all are of one generation"""
        kind = part['type']
        data = self.objects.get(kind, b'')
        head = self.heads.setdefault(kind, part)
        self.generation = self.generation or part['generation']
        need(part['generation'] == self.generation, 'objects of two generations')
        need(part['offset'] == len(data) and part['data'], f'{kind}: a gap')
        need(part['total'] == head['total'], f'{kind}: its size changes')
        self.objects[kind] = data + part['data']

    def object(self, kind):
        """An object that has to be there"""
        need(kind in self.objects, f'{kind}: not there')
        return self.objects[kind]


# --- SPDM (DMTF DSP0274 1.2) -------------------------------------------------------

SPDM_10 = 0x10
SPDM_12 = 0x12
HASH_BYTES = 48         # SHA-384
SIGNATURE_BYTES = 96    # ECDSA P-384, r and s
SIGNER = b'responder-measurements signing'

Block = collections.namedtuple('Block', 'index kind value')


def le(data, offset, size):
    """A number"""
    need(offset + size <= len(data), 'ends too early')
    return int.from_bytes(data[offset:offset + size], 'little')


def negotiated(vca):
    """What both sides have agreed on: GET_VERSION to ALGORITHMS, 10.3 to 10.5"""
    def at(offset, version, code):
        need(le(vca, offset, 1) == version and le(vca, offset + 1, 1) == code,
             'transcript: another message than it should have')
        return offset

    pos = at(0, SPDM_10, 0x84) + 4
    pos = at(pos, SPDM_10, 0x04) + 6 + 2 * le(vca, pos + 5, 1)
    pos = at(pos, SPDM_12, 0xe1) + 20
    pos = at(pos, SPDM_12, 0x61) + 20
    pos = at(pos, SPDM_12, 0xe3) + le(vca, pos + 4, 2)
    end = at(pos, SPDM_12, 0x63) + le(vca, pos + 4, 2)
    need(end == len(vca), 'transcript: more than the messages that it should have')
    need(le(vca, pos + 6, 1) == 0x01, 'transcript: not measurements as DMTF has them')
    need(le(vca, pos + 12, 4) == 0x80, 'transcript: not signatures with ECDSA P-384')
    need(le(vca, pos + 16, 4) == 0x02, 'transcript: not hashes with SHA-384')


def certificates(chain):
    """In DER, from the root to the device; with the digest of the root: 10.6.1"""
    need(le(chain, 0, 2) == len(chain), 'certificate chain: not of the length it says')
    pos = 4 + HASH_BYTES
    found = []
    while pos < len(chain):
        need(chain[pos] == 0x30, 'certificate chain: no certificate')
        size = le(chain, pos + 1, 1)
        head = 2
        if size & 0x80:
            head += size & 0x7f
            size = int.from_bytes(chain[pos + 2:pos + head], 'big')
        need(pos + head + size <= len(chain), 'certificate chain: ends too early')
        found.append(chain[pos:pos + head + size])
        pos += head + size
    need(found, 'certificate chain: empty')
    return chain[4:4 + HASH_BYTES], found


class Measurements:
    """A MEASUREMENTS response with a signature, 10.11"""

    def __init__(self, message):
        need(le(message, 0, 1) == SPDM_12 and le(message, 1, 1) == 0x60, 'measurements: none')
        flags = le(message, 3, 1)
        need(flags >> 4 & 3 != 1, 'measurements: changed while they were taken')
        self.slot = flags & 0x0f
        end = 8 + le(message, 5, 3)
        # after the record, a nonce of the device and opaque data
        signed = end + NONCE_BYTES + 2 + le(message, end + NONCE_BYTES, 2)
        need(signed + SIGNATURE_BYTES == len(message), 'measurements: not of the length they say')
        self.signed = message[:signed]
        self.signature = message[signed:]
        self.blocks = list(self.parse(message[8:end]))
        need(len(self.blocks) == message[4], 'measurements: not as many as they say')
        need(len({b.index for b in self.blocks}) == len(self.blocks),
             'measurements: two of one index')

    @staticmethod
    def parse(record):
        """Blocks of a record, 10.11.1"""
        pos = 0
        while pos < len(record):
            size, kind, length = le(record, pos + 2, 2), le(record, pos + 4, 1), le(record, pos + 5, 2)
            need(record[pos + 1] == 0x01 and size == 3 + length and
                 pos + 4 + size <= len(record), 'measurements: a malformed block')
            yield Block(record[pos], kind, record[pos + 7:pos + 4 + size])
            pos += 4 + size

    def what_is_signed(self, vca, nonce):
        """The conversation from its beginning, as it was if the nonce was ours: 15"""
        request = bytes([SPDM_12, 0xe0, 0x01, 0xff]) + nonce + bytes([self.slot])
        prefix = b'dmtf-spdm-v1.2.*' * 4 + SIGNER.rjust(36, b'\0')
        return prefix + hashlib.sha384(vca + request + self.signed).digest()

    def digests(self):
        """By index: of what was measured, some of which comes as it is (bit 7)"""
        return {b.index: (hashlib.sha384(b.value).digest() if b.kind & 0x80 else b.value).hex()
                for b in self.blocks}


# --- openssl ------------------------------------------------------------------------

def pem(certs):
    """A file's content"""
    return b''.join(b'-----BEGIN CERTIFICATE-----\n' + base64.encodebytes(cert) +
                    b'-----END CERTIFICATE-----\n' for cert in certs)


def der(data):
    """Certificates of a file, which has many in PEM or one in DER"""
    found = re.findall(rb'-----BEGIN CERTIFICATE-----(.*?)-----END', data, re.DOTALL)
    return [base64.b64decode(text) for text in found] or [data]


def ecdsa_der(signature):
    """r and s as a SEQUENCE of two INTEGERs"""
    def integer(raw):
        raw = raw.lstrip(b'\0')
        if not raw or raw[0] & 0x80:
            raw = b'\0' + raw
        return bytes([0x02, len(raw)]) + raw

    half = len(signature) // 2
    body = integer(signature[:half]) + integer(signature[half:])
    return bytes([0x30, len(body)]) + body


class Openssl:
    """The program, and files for it"""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix='verify-agent-')

    def file(self, name, data):
        """Path of a new file"""
        path = os.path.join(self.folder.name, name)
        with open(path, 'wb') as file:
            file.write(data)
        return path

    @staticmethod
    def run(*args, data=b''):
        """Output of a run, None if it failed"""
        done = subprocess.run(['openssl', *args], input=data, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return None if done.returncode else done.stdout

    def verify_chain(self, chain, anchors):
        """The device's certificate leads to an anchor"""
        anchor = self.file('anchors.pem', pem(anchors))
        between = self.file('chain.pem', pem(chain[:-1]))
        leaf = self.file('device.pem', pem(chain[-1:]))
        need(self.run('verify', '-CAfile', anchor, '-no-CApath', '-no-CAstore',
                      '-untrusted', between, leaf) is not None,
             'certificate chain: it does not lead to a root that is trusted')

    def verify_signature(self, cert, signature, data):
        """It is by who has the certificate"""
        leaf = self.file('device.pem', pem([cert]))
        key = self.run('x509', '-in', leaf, '-noout', '-pubkey')
        need(key, 'certificate chain: no public key in its last one')
        need(self.run('dgst', '-sha384', '-verify', self.file('key.pem', key), '-signature',
                      self.file('signature.der', ecdsa_der(signature)), data=data) is not None,
             'measurements: not signed by the device for this nonce')


# --- TDISP (PCIe r6.1 section 11.3.11) -----------------------------------------------

Range = collections.namedtuple('Range', 'bar first pages attributes')


def interface_report(report):
    """Ranges of MMIO. Where they are in their BARs, the kernel holds against these."""
    need(len(report) >= 20, 'interface report: too short')
    info, reserved, _, _, _, count = struct.unpack_from('<4H2I', report)
    need(not reserved and not info & ~0x1f, 'interface report: bits that nobody knows')
    end = 16 + 16 * count
    need(end + 4 + le(report, end, 4) == len(report),
         'interface report: not of the length it says')
    ranges = []
    for pos in range(16, end, 16):
        first, pages, attributes = struct.unpack_from('<Q2I', report, pos)
        ranges.append(Range(attributes >> 16, first, pages, attributes & 0xf))
        need(pages and first + pages <= 1 << 64 - PAGE_SHIFT and ranges[-1].bar < 6,
             'interface report: a range that cannot be')
    by_place = sorted(ranges, key=lambda r: r.first)
    for one, other in zip(by_place, by_place[1:]):
        need(one.first + one.pages <= other.first, 'interface report: ranges overlap')
    return ranges


# --- verdict --------------------------------------------------------------------------

def read_reference(path):
    """Lines of an index and a digest in hex, or of an index and "any\""""
    reference = {}
    with open(path, encoding='ascii') as file:
        for line in file:
            words = line.split('#')[0].split()
            if not words:
                continue
            if len(words) != 2 or not re.fullmatch('any|[0-9a-f]{96}', words[1].lower()):
                raise ValueError(f'{path}: not an index and a digest: {line.strip()}')
            reference[int(words[0], 0)] = words[1].lower()
    if not reference:
        raise ValueError(f'{path}: no measurements')
    return reference


def compare(digests, reference):
    """Each measurement has to be there, and no other one"""
    for index, digest in digests.items():
        need(index in reference, f'measurement {index}: not in the reference')
        need(reference[index] in ('any', digest), f'measurement {index}: not that of the reference')
    for index in reference:
        need(index in digests, f'measurement {index}: not there')


def verify(evidence, nonce, anchors, reference, openssl):
    """Everything that has to hold before a function is trusted: digests by index"""
    vca = evidence.object('transcript')
    negotiated(vca)
    measurements = Measurements(evidence.object('measurements'))
    interface_report(evidence.object('interface-report'))
    root, chain = certificates(evidence.object('certificate-chain'))
    need(root in (hashlib.sha384(anchor).digest() for anchor in anchors),
         'certificate chain: its root is not trusted')
    openssl.verify_chain(chain, anchors)
    openssl.verify_signature(chain[-1], measurements.signature,
                             measurements.what_is_signed(vca, nonce))
    if reference:
        compare(measurements.digests(), reference)
    return measurements.digests()


class Agent:
    """Who decides"""

    def __init__(self, args, kernel):
        self.args = args
        self.kernel = kernel
        self.openssl = Openssl()
        self.reference = read_reference(args.expect) if args.expect else None
        self.anchors = []
        for path in args.root:
            with open(path, 'rb') as file:
                self.anchors += der(file.read())

    def say(self, name, text, always=True):
        """One line for who watches"""
        if always or self.args.verbose:
            print(f'{name}: {text}', flush=True)

    def record(self, name, digests):
        """Write a reference, instead of accepting what it is of"""
        with open(self.args.record, 'w', encoding='ascii') as file:
            file.writelines(f'{index} {digest}\n' for index, digest in sorted(digests.items()))
        self.say(name, f'verified, measurements are in {self.args.record}')

    def attempt(self, name):
        """From a nonce to a function that is accepted, if nothing comes in between"""
        nonce = os.urandom(NONCE_BYTES)
        generation = self.kernel.refresh(name, nonce)
        self.say(name, f'measured, generation {generation}', False)
        try:
            evidence = Evidence(self.kernel.read(name))
            if evidence.generation != generation:
                raise Outdated('made anew by somebody else')
            digests = verify(evidence, nonce, self.anchors, self.reference, self.openssl)
        except (KeyError, ValueError, IndexError, struct.error) as err:
            raise Refused(f'malformed evidence: {err!r}') from err
        for index, digest in sorted(digests.items()):
            self.say(name, f'measurement {index} {digest}', False)
        if self.args.record:
            return self.record(name, digests)
        self.kernel.validate(name, generation)
        if self.args.before_accept:
            done = subprocess.run([self.args.before_accept, name, str(generation)], check=False)
            need(not done.returncode, f'{self.args.before_accept} says no')
        self.kernel.accept(name)
        return self.say(name, f'accepted, generation {generation}')

    def attest(self, name):
        """Was it accepted? None: it was unlocked, there is nothing to say"""
        for _ in range(self.args.attempts):
            if state(name) != 'locked':
                return None
            try:
                self.attempt(name)
                return True
            except Outdated as why:
                self.say(name, f'evidence is outdated: {why}')
            except Refused as why:
                self.say(name, f'NOT accepted: {why}')
                return False
            except OSError as why:
                if why.errno == errno.EINVAL and state(name) == 'unlocked':
                    return None
                self.say(name, f'NOT accepted: {why.strerror}')
                return False
        self.say(name, f'NOT accepted: evidence was outdated {self.args.attempts} times')
        return False

    def locked(self):
        """Functions to look at now"""
        return [name for name in self.args.function or sorted(os.listdir(PCI))
                if state(name) == 'locked']

    def concerns(self, event):
        """Function that an event says is locked"""
        told = event['msg']
        if event['name'] != 'state-ntf' or told['state'] != 'locked':
            return []
        return [told['dev']] if told['dev'] in (self.args.function or [told['dev']]) else []

    def run(self):
        """True if all went well, which only --once ends with"""
        self.kernel.listen()
        todo = collections.deque(self.locked())
        left = set(self.args.function or todo)
        good = bool(left)
        end = time.monotonic() + self.args.timeout if self.args.timeout else None
        while True:
            while todo:
                name = todo.popleft()
                if self.args.once and name not in left:
                    continue
                verdict = self.attest(name)
                if verdict is not None:
                    left.discard(name)
                    good = good and verdict
            if self.args.once and not left:
                return good
            self.say(', '.join(sorted(left)) or 'all', 'waiting', False)
            event = self.kernel.state_event(end - time.monotonic() if end else None)
            if not event:
                self.say(', '.join(sorted(left)) or 'nothing', 'not locked in time')
                return False
            todo.extend(self.locked() if event['name'] == 'overflow' else self.concerns(event))


def beside(installed, in_tree):
    """A file that is installed with this one, or is where the kernel's sources have it"""
    path = os.path.join(HERE, installed)
    return path if os.path.exists(path) else os.path.normpath(os.path.join(HERE, in_tree))


def arguments():
    """What the command line says"""
    parser = argparse.ArgumentParser(
        description='Verifies PCI functions that this VM has locked, and accepts those that '
        'are what they should be.')
    parser.add_argument('function', nargs='*', help='such as 0000:00:02.0; all, if there is none')
    parser.add_argument('--root', action='append', required=True, metavar='FILE',
                        help='certificate that is trusted, in PEM or DER; may be given again')
    parser.add_argument('--expect', metavar='FILE', help='measurements that a device is to have: '
                        'lines of an index, and a SHA-384 digest in hex or "any"')
    parser.add_argument('--record', metavar='FILE', help='write such a file, and accept nothing')
    parser.add_argument('--before-accept', metavar='PROGRAM', help='run with the name of a function '
                        'that was verified, and the generation; if it fails, nothing is accepted')
    parser.add_argument('--once', action='store_true', help='end when each function was looked at '
                        'once; the exit status is 0 if all were accepted, 3 if not')
    parser.add_argument('--timeout', type=float, metavar='SECONDS', help='for how long at most')
    parser.add_argument('--patience', type=float, default=60, metavar='SECONDS',
                        help='how long making measurements may take (%(default)s)')
    parser.add_argument('--attempts', type=int, default=5, metavar='N',
                        help='to verify evidence that is outdated each time (%(default)s)')
    parser.add_argument('--spec', default=beside('pci-tsm.yaml',
                        '../../../../Documentation/netlink/specs/pci-tsm.yaml'), metavar='FILE',
                        help='specification of the netlink family (%(default)s)')
    parser.add_argument('--ynl', default=beside('pyynl', '../../../net/ynl/pyynl'),
                        metavar='FOLDER', help='the YNL library (%(default)s)')
    parser.add_argument('--verbose', action='store_true', help='say what is being done')
    return parser.parse_args()


def main():
    """Exit status: 0, or 3 if something was not accepted, or 1 if it could not be told"""
    args = arguments()
    try:
        return 0 if Agent(args, Kernel(args.ynl, args.spec, args.patience)).run() else REFUSED
    except (OSError, ValueError) as err:
        print(f'verify-agent: {err}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
