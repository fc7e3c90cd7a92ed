#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Makes the certificate chains that the SPDM tests talk about, good and bad,
# with openssl: gen-pki.sh <directory>. Keys are made anew each time.
set -euo pipefail

out=${1:?usage: gen-pki.sh <directory>}
mkdir -p "$out"
cd "$out"

identity="Vendor=1b36:Device=0110:CC=120000:REV=01:SSVID=1af4:SSID=1100"

cat > ext.cnf <<EOF2
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[ca_pathlen0]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
[not_ca]
basicConstraints = critical,CA:FALSE
keyUsage = critical,keyCertSign
[ca_no_sign]
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,1.3.6.1.4.1.412.274.3
subjectAltName = DNS:device.example,otherName:2.23.147;UTF8:$identity
[leaf_plain]
subjectAltName = otherName:2.23.147;UTF8:$identity
[leaf_other]
basicConstraints = critical,CA:FALSE
subjectAltName = otherName:2.23.147;UTF8:${identity}0
[leaf_no_san]
basicConstraints = critical,CA:FALSE
[leaf_ca]
basicConstraints = critical,CA:TRUE
subjectAltName = otherName:2.23.147;UTF8:$identity
[leaf_no_sign]
basicConstraints = critical,CA:FALSE
keyUsage = critical,keyAgreement
subjectAltName = otherName:2.23.147;UTF8:$identity
[leaf_requester]
extendedKeyUsage = 1.3.6.1.4.1.412.274.4
subjectAltName = otherName:2.23.147;UTF8:$identity
[leaf_critical]
1.2.3.4.5 = critical,DER:0500
subjectAltName = otherName:2.23.147;UTF8:$identity
EOF2

ec_key() {
	openssl ecparam -name "${2:-secp384r1}" -genkey -noout -out "$1.key"
	# ECPrivateKey in DER: the scalar is an octet string at offset 8
	openssl ec -in "$1.key" -outform DER 2> /dev/null |
		tail -c +9 | head -c 48 > "$1.priv"
}

# cert <name> <issuer, - for itself> <section> [openssl x509 arguments]
cert() {
	local name=$1 issuer=$2 section=$3
	shift 3

	openssl req -new -key "$name.key" -subj "/O=TSM tests/CN=$name" \
		-out "$name.csr"
	if [ "$issuer" = - ]; then
		set -- "$@" -signkey "$name.key"
	else
		set -- "$@" -CA "$issuer.pem" -CAkey "$issuer.key"
	fi
	openssl x509 -req -in "$name.csr" -sha384 -days 3650 -set_serial \
		"0x$(openssl rand -hex 8)" -extfile ext.cnf \
		-extensions "$section" -out "$name.pem" "$@" 2> /dev/null
	openssl x509 -in "$name.pem" -outform DER -out "$name.der"
}

# chain <name> <cert>...: the object of DSP0274 10.6.1; its root hash is that of
# the first certificate, or of $anchor
chain() {
	local name=$1 len
	shift

	openssl dgst -sha384 -binary "${anchor:-$1}.der" > root.hash
	: > certs
	for c in "$@"; do
		cat "$c.der" >> certs
	done
	len=$(($(stat -c %s certs) + 52))
	{
		printf '%b' "$(printf '\\x%02x\\x%02x\\x00\\x00' \
			$((len & 255)) $((len >> 8)))"
		cat root.hash certs
	} > "$name.chain"
}

for ca in root root2 inter notca nosign deep; do
	ec_key "$ca"
done
for leaf in leaf plain other nosan isca leafnosign requester critical sha256; do
	ec_key "$leaf"
done
ec_key p256 prime256v1
openssl genrsa -out rsa.key 3072 2> /dev/null

cert root - ca
cert root2 - ca
cert inter root ca_pathlen0
cert notca root not_ca
cert nosign root ca_no_sign
cert deep inter ca
cert leaf inter leaf
cert plain inter leaf_plain
cert other inter leaf_other
cert nosan inter leaf_no_san
cert isca inter leaf_ca
cert leafnosign inter leaf_no_sign
cert requester inter leaf_requester
cert critical inter leaf_critical
cert sha256 inter leaf -sha256
cert p256 inter leaf
cert rsa inter leaf

chain good root inter leaf
chain plain root inter plain
chain other-root root2 inter leaf
chain wrong-issuer root leaf
anchor=root chain no-root inter leaf
chain shuffled root leaf inter
chain identity root inter other
chain no-san root inter nosan
chain leaf-ca root inter isca
chain leaf-usage root inter leafnosign
chain leaf-eku root inter requester
chain critical root inter critical
chain sha256 root inter sha256
chain p256 root inter p256
chain rsa root inter rsa

# Leaves under CAs that may not sign them; each needs its own signature
cp leaf.key under-notca.key
cp leaf.key under-nosign.key
cp leaf.key under-deep.key
cert under-notca notca leaf
cert under-nosign nosign leaf
cert under-deep deep leaf
chain not-ca root notca under-notca
chain ca-usage root nosign under-nosign
chain path-len root inter deep under-deep

openssl dgst -sha384 -binary root.der > root.hash
rm -f certs ./*.csr
