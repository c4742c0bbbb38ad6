#!/bin/sh
# A relay by curl alone, as PROTOCOL.md shows it: bring a document, append, read with a token, delete.
# curl.sh DOCUMENT'S-ADDRESS TOKEN FOLDER; the folder has the bytes to bring, and gets what comes back.
set -eu
at=$1 token=$2
cd "$3"

# is STATUS: what curl printed must end with it.
is() {
	answer=$(cat)
	test "$answer" = "$1" || { echo "curl.sh: status $answer, want $1" >&2; exit 1; }
}
status="-s -m 20 -w %{http_code}"

curl $status -X PUT --data-binary @genesis.bin "$at/genesis" | is 204
curl $status -o genesis.back "$at/genesis" | is 200
cmp genesis.bin genesis.back
curl $status -D ack.head --data-binary @append.bin -o ack.bin "$at" | is 200
curl $status -D refused.head -o refused.bin "$at" | is 401
grep -qi '^freehold-error: unproven' refused.head
curl $status -H "Authorization: Bearer $token" -D batch.head -o batch.bin "$at" | is 200
head=$(tr -d '\r' < batch.head | sed -n 's/^[Ff]reehold-[Hh]ead: //p')
store=$(tr -d '\r' < batch.head | sed -n 's/^[Ff]reehold-[Ss]tore: //p')
curl $status -H "Authorization: Bearer $token" -o nothing.bin "$at?since=$head&store=$store" | is 200
curl $status -X DELETE --data-binary @delete.bin "$at" | is 204
curl $status -H "Authorization: Bearer $token" -o gone.bin "$at" | is 410
