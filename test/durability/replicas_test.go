package durability

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/test/apiserver"
	"github.com/converged-computing/oras-operator/test/minioserver"
	"github.com/converged-computing/oras-operator/test/registryserver"
)

const (
	replicas = 3
	// settling is more than a round takes that removes something from a storage that replicas share.
	settling = time.Minute
	// turning is how long nobody collects at most, after the replica that did was killed.
	turning = 20 * time.Second
)

// The Lease by which replicas agree on who collects.
const (
	leaseNamespace = "default"
	leaseName      = "registry"
)

func TestE82ReplicasOnABucketLoseNothingAndTheStorageReturnsToWhatIsKept(t *testing.T) {
	t.Parallel()
	length, long := soakLength(t, 8*time.Second)
	grace, schedule, workers, between := 3*time.Second, "@every 1s", 3, 4*time.Second
	if long {
		grace, schedule, workers, between = 20*time.Second, "@every 10s", 6, 45*time.Second
	}
	minio := minioserver.Start(t)
	bucket := minio.Bucket(t, "registry")
	kubernetes, kubeconfig := serveLeases(t)
	config := write(t, storage.Config{S3: &storage.S3Config{
		Bucket: bucket, Region: minioserver.Region, Endpoint: "http://" + minio.Addr, PathStyle: true, Insecure: true, CredentialsDir: minio.Credentials(t),
	}}, collectSection{Schedule: schedule, GracePeriod: grace.String(), Lease: leaseNamespace + "/" + leaseName, Retention: Rules(grace)})
	var servers []*server
	for range replicas {
		servers = append(servers, newServer(t, config, "KUBECONFIG="+kubeconfig))
	}
	seed := newSeed(t)
	load := New(Options{URLs: func() (urls []string) {
		for _, s := range servers {
			urls = append(urls, s.address())
		}
		return urls
	}, Seed: seed, Grace: grace, Workers: workers})

	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		load.Run(ctx)
	}()
	killAround(ctx, servers, between, rand.New(rand.NewPCG(seed, 0)))
	<-loaded

	api := minio.API(t)
	read := func() (Stored, error) { return Bucket(t.Context(), api, bucket, "") }
	littered := litter(t, load, read)
	if long {
		returns(t, load, 3*grace+3*settling+turning, servers, read)
		assert.Assert(t, collectedBy(servers).blobs > 0, "nothing was removed")
	} else {
		awaitRemoved(t, littered, settling+turning+registryserver.Patience, read)
		holds(t, load)
	}
	kills := 0
	for _, s := range servers {
		s.stop()
		kills += s.kills
	}
	t.Logf("%d kills, %d turns of the Lease; %s; rounds that ended, and what they removed: %+v",
		kills, kubernetes.Turns(leaseNamespace, leaseName), &load.Counts, collectedBy(servers))
	assert.Assert(t, kills > 0)
}

// awaitRemoved waits until a storage has not all blobs any more that it had before.
func awaitRemoved(t *testing.T, before Stored, patience time.Duration, read func() (Stored, error)) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Second) {
		now, err := read()
		assert.NilError(t, err)
		if _, removed := Difference(now.Blobs, before.Blobs); removed > 0 {
			return
		}
		assert.Assert(t, time.Since(began) < patience, "nothing is removed")
	}
}

// killAround kills one server at a time, whichever comes, and starts it again, until ctx ends.
func killAround(ctx context.Context, servers []*server, between time.Duration, r *rand.Rand) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(between/2 + time.Duration(r.Int64N(int64(between)))):
		}
		s := servers[r.IntN(len(servers))]
		s.kill()
		time.Sleep(time.Duration(r.IntN(1000)) * time.Millisecond)
		s.start()
	}
}

// serveLeases starts an API server, and returns a kubeconfig that leads to it.
func serveLeases(t *testing.T) (server *apiserver.Server, kubeconfig string) {
	t.Helper()
	key, err := apiserver.NewKey("k1")
	assert.NilError(t, err)
	server = apiserver.Start(key, nil)
	t.Cleanup(server.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	assert.NilError(t, server.WriteKubeconfig(kubeconfig))
	return server, kubeconfig
}
