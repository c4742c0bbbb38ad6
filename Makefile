# Everything here works from a fresh clone with Go, Node 20, make and git.
#   make run     builds and serves the app and the relay on localhost
#   make test    every test, in real browsers

STEP := internal/tools/step
NODE_TEST := node --import tsx --test --test-concurrency=1
GO_PURE := ./crdt ./internal/sync
ADDR ?= 127.0.0.1:7070
DATA ?= data
export CGO_ENABLED ?= 0

.PHONY: run test check build wasm js web relay worker modules browsers unit e2e kill kill-relay abuse-relay sim mutants fuzz size bench bench-relay bench-sync bench-growth fmt clean

run: build
	@echo
	@build/freehold serve --listen $(ADDR) --data $(DATA)

build: modules wasm js web relay

modules:
	@$(STEP) "packages" internal/tools/modules

wasm:
	@mkdir -p build
	@$(STEP) "core (Go to wasm)" env GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags='-s -w' -gcflags=github.com/freehold-dev/freehold/internal/sync=-l -o build/freehold.raw.wasm ./wasm
ifeq ($(STRIP),0)
	@cp build/freehold.raw.wasm build/freehold.wasm
else
	@$(STEP) "strip" go run ./internal/strip build/freehold.raw.wasm build/freehold.wasm
endif

js: modules wasm
	@$(STEP) "npm package" node js/build.mjs

web: js
	@$(STEP) "notes app" node web/build.mjs

relay: web
	@$(STEP) "relay" go build -trimpath -ldflags='-s -w' -o build/freehold ./cmd/freehold

# The relay as a Cloudflare Worker: built, measured, and tested under workerd on this machine. Without inlining it is a tenth
# smaller, without the tables of stack traces a fifth; signatures and hashes are left quick.
EDGE := server/edge
worker: browsers js
	@$(STEP) "packages of the Worker" sh -c 'cd $(EDGE) && ../../internal/tools/modules'
	@mkdir -p build/edge
	@$(STEP) "reactor (Go to wasm)" env GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags='-s -w' -gcflags=all=-l -gcflags=crypto/...= -o build/edge/reactor.raw ./$(EDGE)/reactor
	@$(STEP) "strip tables" go run ./internal/strip -tables build/edge/reactor.raw build/edge/reactor.wasm
	@$(STEP) "routes (Go to wasm)" env GOOS=js GOARCH=wasm go build -trimpath -tags nethttpomithttp2 -ldflags='-s -w' -gcflags=all=-l -o build/edge/routes.raw ./$(EDGE)/routes
	@$(STEP) "strip tables" go run ./internal/strip -tables build/edge/routes.raw build/edge/routes.wasm
	@$(STEP) "Worker" node $(EDGE)/build.mjs
	@$(STEP) "vet reactor" env GOOS=wasip1 GOARCH=wasm go vet ./$(EDGE)/reactor
	@$(STEP) "vet routes" env GOOS=js GOARCH=wasm go vet ./$(EDGE)/routes ./server/httpapi
	@$(STEP) "vet tests of the Worker" go vet -tags edge ./$(EDGE)
	@$(STEP) "types of the Worker" npx tsc -p $(EDGE)
	@node $(EDGE)/size.mjs
	@$(STEP) "Worker under workerd" go test -tags edge -count=1 ./$(EDGE)
	@$(STEP) "devices on the Worker (browsers)" $(NODE_TEST) js/test/edge/*.test.ts
	@go test -tags edge -run '^$$' -bench CPU -benchtime 30x ./$(EDGE) | sed -n 's,^BenchmarkCPU/,  ,p'

browsers:
	@$(STEP) "browsers" internal/tools/browsers

## tests

test: browsers build check unit e2e worker
	@echo "all tests passed"

check: js
	@$(STEP) "gofmt" sh -c 'wrong=$$(gofmt -l crdt cmd internal server wasm web); echo "$$wrong"; test -z "$$wrong"'
	@$(STEP) "vet native" go vet ./...
	@$(STEP) "vet wasip1" env GOOS=wasip1 GOARCH=wasm go vet $(GO_PURE) ./wasm
	@$(STEP) "types" npx tsc -p js/tsconfig.json --noEmit
	@$(STEP) "types of tests" npx tsc -p js/test/tsconfig.json
	@$(STEP) "types of the public API" npx tsc -p js/test/types
	@$(STEP) "types of the app" npx tsc -p web/tsconfig.json
	@$(STEP) "go test" go test ./...
	@$(STEP) "simulation of 2,000 seeds" go test ./internal/simulator -run '^TestSimulation$$' -args -seeds=2000
	@$(STEP) "size of the download" node js/size.mjs

unit:
	@$(STEP) "unit tests (Node)" $(NODE_TEST) $(wildcard js/test/unit/*.test.ts)

e2e:
	@$(STEP) "stores and kills (browsers)" $(NODE_TEST) $(wildcard js/test/browser/*.test.ts)
	@$(STEP) "end to end (browsers, relay)" $(NODE_TEST) $(wildcard js/test/e2e/*.test.ts)
	@$(STEP) "notes app (browsers, relay)" $(NODE_TEST) $(wildcard web/test/*.test.ts)

## measuring

kill:
	@ROUNDS=$(or $(ROUNDS),100) $(NODE_TEST) js/test/browser/kill.test.ts

# The relay killed under load and while it starts, and what it acknowledged looked for.
kill-relay:
	@go test ./cmd/freehold -run '^TestKilledUnderLoad$$' -count=1 -timeout=0 -v -args -rounds=$(or $(ROUNDS),100)

# A relay under connections that say nothing, endless handshakes, huge frames and replays, ABUSE of them at once; and 12,500 updates a second to one document.
abuse-relay:
	@go test ./cmd/freehold -run '^Test(Abuse|Flood)$$' -count=1 -timeout=0 -v -args -abuse=$(or $(ABUSE),10000)

# SEEDS stories each: replicas against the model, then whole devices and relays with their faults and lies; and a table of what they met.
sim:
	@go test ./crdt -run '^TestConvergence$$' -count=1 -timeout=0 -v -args -seeds=$(or $(SEEDS),1000)
	@go test ./internal/simulator -run '^TestSimulation$$' -count=1 -timeout=0 -v -args -seeds=$(or $(SEEDS),1000) -first=$(or $(FIRST),1)

# Bugs planted on purpose, each of which a named test has to notice (docs/TESTING.md).
mutants:
	@go run ./internal/tools/mutants

fuzz:
	@internal/tools/fuzz $(or $(TIME),30s)

size: build
	@node js/size.mjs

bench: build
	@node bench/run.mjs --rounds $(or $(ROUNDS),5) $(if $(ONLY),--only "$(ONLY)") $(if $(LIBRARIES),--libraries $(LIBRARIES))

# The relay beside others, all in one run (bench/relay). The Worker is in it when "make worker" was.
bench-relay: relay
	@$(STEP) "packages of the peers" sh -c 'cd bench/relay && ../../internal/tools/modules'
	@$(STEP) "load generator" go build -o build/bench-relay ./bench/relay
	@build/bench-relay $(if $(ONLY),-only "$(ONLY)") $(if $(SECONDS),-seconds $(SECONDS)) $(if $(ROOMS),-rooms $(ROOMS))

# Catching up in two browsers, and a key press until another page has it, beside two peers (bench/sync). About two minutes.
bench-sync: relay
	@$(STEP) "packages of the peers" sh -c 'cd bench/relay && ../../internal/tools/modules'
	@$(STEP) "who writes the log" go build -o build/bench-relay ./bench/relay
	@node --import tsx bench/sync/run.mjs --write

bench-growth:
	@go run ./bench/growth
	@mkdir -p build
	@GOOS=wasip1 GOARCH=wasm go build -o build/growth.wasm ./bench/growth
	@echo; echo "| GOGC | s | collections | longest pause, ms | longest edit, ms | heap, MiB | from the system, MiB |"; echo "|--:|--:|--:|--:|--:|--:|--:|"
	@for g in 50 100 200 400; do GOGC=$$g node --no-warnings bench/growth/run.mjs build/growth.wasm gc; done

fmt:
	@gofmt -w crdt cmd internal server wasm web

clean:
	rm -rf build js/dist web/dist/* node_modules
