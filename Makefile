# Everything is run from here; `make help` lists it. Needed beforehand: Go and make. For the cluster: root on Debian, or
# a Docker daemon, or a cluster of yours in KUBECONFIG.

K8S     ?= 1.37
NODES   ?=
RUN     ?= .
INSTALL ?= yaml
export K8S NODES ORAS CRANE REGCTL HELM KWOK INSTALL MINUTES SEED SKIP STORAGE

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REGISTRY ?= ghcr.io/converged-computing
GOOS      = linux
GOARCH   ?= amd64
DIST      = dist/$(GOOS)/$(GOARCH)
BINARIES  = operator sidecar shim
FLAGS_shim = -gcflags=all=-l # without inlining: smaller, since each container has it in memory

# What is built is built alike, programs of others and the node's too, so that nothing but what the race detector needs is compiled twice.
export CGO_ENABLED = 0
export GOFLAGS    += -trimpath

# The race detector takes cgo, and an assertion that fails reads its own source.
RACE = CGO_ENABLED=1 go test -race -trimpath=false

CONTROLLER_GEN = go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0
KUSTOMIZE      = go run sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
HELM           = go run helm.sh/helm/v3/cmd/helm@v3.22.0
GOLANGCI_LINT  = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
ORAS           = oras.land/oras/cmd/oras@v1.3.6
KWOK           = sigs.k8s.io/kwok/cmd/kwok@v0.8.0
DISTRIBUTION   = github.com/distribution/distribution/v3
MINIO          = github.com/minio/minio@v0.0.0-20250907161309-07c3a429bfed
CONFORMANCE    = github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111
CRANE          = github.com/google/go-containerregistry/cmd/crane@v0.22.1
REGCTL         = github.com/regclient/regclient/cmd/regctl@v0.11.1

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^##@ /{print substr($$0, 5)} /^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Building

.PHONY: build
build: ## Build the binaries into dist/.
	@$(foreach binary,$(BINARIES),GOOS=$(GOOS) GOARCH=$(GOARCH) go build -buildvcs=false \
	  $(FLAGS_$(binary)) -ldflags "-s -w -X main.version=$(VERSION)" -o $(DIST)/$(binary) ./cmd/$(binary) && ) :

.PHONY: images
images: build ## Build the images from the binaries into dist/images.tar.
	@test/images/build "$(REGISTRY)" "$(DIST)"

.PHONY: generate
generate: ## Generate deepcopy functions, the CRD and the admission policies.
	$(CONTROLLER_GEN) object paths=./pkg/apis/...
	$(CONTROLLER_GEN) crd paths=./pkg/apis/... output:crd:dir=config/crd
	go run ./config/overlays/policies/generate >config/overlays/policies/policies.yaml

.PHONY: install-yaml
install-yaml: ## Generate dist/install.yaml.
	@mkdir -p dist
	$(KUSTOMIZE) build config/default >dist/install.yaml

CHART    = dist/chart/oras-operator
OVERLAYS = prometheus cert-manager pull-secrets

.PHONY: chart
chart: ## Generate the Helm chart from the kustomizations, in dist/chart, and its package in dist/.
	@rm -rf dist/chart dist/manifests dist/oras-operator-*.tgz
	@mkdir -p $(CHART) $(foreach each,default $(OVERLAYS),dist/manifests/$(each))
	$(KUSTOMIZE) build config/default --output dist/manifests/default
	@$(foreach each,$(OVERLAYS),$(KUSTOMIZE) build config/overlays/$(each) --output dist/manifests/$(each) && ) :
	@cp -R config/chart/Chart.yaml config/chart/README.md config/chart/values* config/chart/templates $(CHART)
	go run ./config/chart/generate --default=dist/manifests/default --out=$(CHART)/templates \
	  --switch=prometheus.enabled=dist/manifests/prometheus \
	  --switch=certManager.enabled=dist/manifests/cert-manager \
	  --switch=pullSecrets.everywhere=dist/manifests/pull-secrets
	$(HELM) lint --strict --quiet $(CHART)
	$(HELM) package --destination dist $(if $(filter v%,$(VERSION)),--version $(VERSION:v%=%)) $(CHART)

.PHONY: clean
clean: ## Remove what was built.
	rm -rf dist bin demo-out

##@ Cluster

.PHONY: cluster-up
cluster-up: ## Start a kind cluster; K8S=1.37|1.29 NODES=n. Prints how to reach it.
	@test/cluster/up

.PHONY: cluster-load
cluster-load: ## Import TAR=image.tar on every node of that cluster.
	@test/cluster/load "$(TAR)"

.PHONY: cluster-down
cluster-down: ## Remove that cluster, and all that was made for it but caches.
	@test/cluster/down

.PHONY: install
install: images ## Install the operator into $KUBECONFIG, or that cluster, and wait until it serves; INSTALL=yaml|chart.
	@test/install

.PHONY: demo
demo: ## Run a two-step workflow on a real Kubernetes and pull its result into demo-out/.
	@test/demo

##@ Checking

.PHONY: test
test: test-unit test-e2e ## Run all tests: units, processes, and the end-to-end suite.

SLOWEST = ./pkg/transfer ./test/process # begin first, so that the others run beside them

.PHONY: test-unit
test-unit: bin/minio ## Run the unit and process tests.
	@test/compiler
	MINIO=$(CURDIR)/bin/minio $(RACE) -timeout 30m -count 1 $(SLOWEST) $$(go list ./... | grep -v /policies/generate) # processes and files that tests use, the test cache does not see
	go test ./config/overlays/policies/generate # one goroutine, and nothing else needs the API server's packages built for the race detector

.PHONY: test-e2e
test-e2e: ## Run the end-to-end suite, or a part; K8S=1.37|1.29 INSTALL=yaml|chart RUN=regexp SKIP=regexp.
	@RUN="$(RUN)" test/e2e/run

.PHONY: test-kind
test-kind: test-e2e ## The same as test-e2e.

.PHONY: test-rotation
test-rotation: ## Replace the webhooks' certificate every minute, for MINUTES=10, while marked pods are created.
	@ROTATIONS=$(or $(MINUTES),10) RUN=TestE58 test/e2e/run

.PHONY: conformance
conformance: build bin/conformance $(if $(filter s3,$(STORAGE)),bin/minio) ## Run the OCI distribution suite against the built-in registry; STORAGE=files|s3.
	@test/conformance/run $(DIST)/operator bin/conformance dist/conformance

.PHONY: soak
soak: ## Run random workflows on a cluster while killing random participants; MINUTES=30 SEED=s.
	@test/soak/run

.PHONY: soak-registry
soak-registry: bin/minio ## Push, mount and delete while garbage is collected, by one process and by replicas; four runs of MINUTES=10 each.
	SOAK_REGISTRY=$(or $(MINUTES),10)m $(RACE) -timeout 0 -count 1 -v -run NothingAcknowledgedIsLost ./pkg/registry/collect
	SOAK_REGISTRY=$(or $(MINUTES),10)m MINIO=$(CURDIR)/bin/minio CI=true go test -timeout 0 -count 1 -parallel 1 -v \
	  -run 'NothingIsLost|LoseNothing' ./test/durability

.PHONY: crash-registry
crash-registry: ## Kill a registry again and again while it is pushed to and garbage is collected; ROUNDS=200.
	CRASH_REGISTRY=$(or $(ROUNDS),200) go test -timeout 0 -count 1 -v -run SurvivesKills ./test/durability

.PHONY: lint
lint: ## Run the linters.
	$(GOLANGCI_LINT) run

.PHONY: verify
verify: generate ## Check that generating, tidying and formatting change nothing.
	go mod tidy
	gofmt -l -w $$(git ls-files '*.go')
	@git diff --exit-code
	@test -z "$$(git status --porcelain)" || { git status --short; exit 1; }

##@ Measuring

RUNS  ?= 5
ONLY  ?=
QUICK ?=

.PHONY: bench
bench: build bin/oras bin/registry ## Measure transfers beside the stock oras; RUNS=5 ONLY=regexp QUICK=1 (small sizes).
	@go build -o bin/bench ./test/bench/transfer
	@bin/bench --sidecar=$(DIST)/sidecar --operator=$(DIST)/operator --oras=bin/oras --registry=bin/registry \
	  $(if $(QUICK),--scale=64 --rounds=1,--rounds=$(RUNS)) --only='$(ONLY)' \
	  --out=$(if $(QUICK)$(ONLY),dist/bench,test/bench/results)

.PHONY: bench-registry
bench-registry: build bin/registry ## Measure the built-in registry beside the stock one; RUNS=5 ONLY=regexp QUICK=1 (small sizes).
	@go build -o bin/bench-registry ./test/bench/registry
	@bin/bench-registry --operator=$(DIST)/operator --registry=bin/registry \
	  $(if $(QUICK),--scale=64 --rounds=1,--rounds=$(RUNS)) --only='$(ONLY)' \
	  --out=$(if $(QUICK)$(ONLY),dist/bench-registry,test/bench/results-registry)

.PHONY: bench-shim
bench-shim: build ## Measure what the shim adds to a container.
	@go run ./test/bench/shim $(DIST)/shim

.PHONY: bench-pod
bench-pod: ## Measure how much longer an injected Job takes than a bare one, on a cluster.
	@test/bench/pod/run

.PHONY: bench-admission
bench-admission: ## Measure the webhooks and managers in a burst of marked pods, on a cluster; PODS=5000 RATE=n (a second).
	@test/bench/admission/run

# Programs of others, each from its module, which tests and benchmarks run.

.PHONY: bin/oras bin/crane bin/regctl bin/registry bin/conformance bin/minio
bin/oras: # the stock client
	@GOBIN=$(CURDIR)/bin go install $(ORAS)

bin/crane: # another client
	@GOBIN=$(CURDIR)/bin go install $(CRANE)

bin/regctl: # another client
	@GOBIN=$(CURDIR)/bin go install $(REGCTL)

bin/conformance: # the suite of the distribution specification
	@GOBIN=$(CURDIR)/bin go install $(CONFORMANCE)

bin/registry: # the stock registry, of the version that ours is made of
	@GOBIN=$(CURDIR)/bin go install \
	  $(DISTRIBUTION)/cmd/registry@$$(go list -m -f '{{.Version}}' $(DISTRIBUTION))

bin/minio: # an S3 server, whose module is not among ours; takes minutes the first time
	@GOBIN=$(CURDIR)/bin go install -ldflags '-s -w' $(MINIO)
