package soak

import (
	"context"
	"errors"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/harness"
)

const (
	// lookInterval lies between two looks at the Jobs of a workflow.
	lookInterval = time.Second
	// serviceBound is what everything that is no step may take: the cluster's parts are being killed meanwhile.
	serviceBound = 5 * time.Minute
)

// player runs one workflow in a namespace of its own.
type player struct {
	*harness.Cluster
	namespace string
	workflow  Workflow
	steps     map[string]Step
	states    map[string]State
	created   map[string]time.Time
	heard     time.Time // when the API server answered last
	abandoned int       // pods that were deleted since the kubelet would never have ended them
}

func newPlayer(c *harness.Cluster, namespace string, w Workflow) *player {
	p := &player{
		Cluster: c, namespace: namespace, workflow: w,
		steps: map[string]Step{}, states: map[string]State{}, created: map[string]time.Time{},
	}
	for _, s := range w.Steps {
		p.steps[s.Name] = s
	}
	return p
}

// play runs the workflow until every step is over.
func (p *player) play(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	p.heard = time.Now()
	for len(p.states) < len(p.workflow.Steps) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lookInterval):
		}
		if err := p.advance(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the namespace, the ledger on every node, and the cache.
func (p *player) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, serviceBound)
	defer cancel()
	nodes, err := p.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		dir := "/proc/1/root" + ledgerDir(p.namespace)
		if _, err := p.OnNode(ctx, node, "/app", "mkdir", dir, "mode", dir, "0777", "mode", dir+"/..", "0755"); err != nil {
			return err
		}
	}
	cache := &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Name: cacheName, Namespace: p.namespace}}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.namespace}}, cache,
	} {
		if err := p.Ensure(ctx, object); err != nil {
			return err
		}
	}
	return harness.Retry(ctx, "the cache is ready", func(ctx context.Context) (bool, error) {
		err := p.Get(ctx, client.ObjectKeyFromObject(cache), cache)
		return meta.IsStatusConditionTrue(cache.Status.Conditions, v1alpha1.ConditionReady), err
	})
}

// advance notes which steps are over, and creates those whose time has come. While the API server is down it does nothing.
func (p *player) advance(ctx context.Context) error {
	now := time.Now()
	var jobs batchv1.JobList
	if err := errors.Join(p.List(ctx, &jobs, client.InNamespace(p.namespace)), p.deleteAbandoned(ctx)); err != nil {
		if now.Sub(p.heard) > serviceBound {
			return err
		}
		return nil
	}
	p.heard = now
	for _, job := range jobs.Items {
		if state := stateOf(job); state != "" {
			p.states[job.Name] = state
		}
	}
	for _, s := range p.workflow.Steps {
		if err := p.advanceStep(ctx, s, now); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) advanceStep(ctx context.Context, s Step, now time.Time) error {
	created, known := p.created[s.Name]
	switch {
	case p.states[s.Name] != "":
	case known && now.Sub(created) > hangBound:
		p.states[s.Name] = Hung
	case known:
	case !s.Eager && p.anyNeed(s, func(state State) bool { return state != "" && state != Complete }):
		p.states[s.Name] = NotRun
	case s.Eager || !p.anyNeed(s, func(state State) bool { return state != Complete }):
		ctx, cancel := context.WithTimeout(ctx, serviceBound)
		defer cancel()
		err := p.Ensure(ctx, job(p.namespace, s, p.steps))
		p.created[s.Name] = time.Now()
		return err
	}
	return nil
}

func (p *player) anyNeed(s Step, is func(State) bool) bool {
	return slices.ContainsFunc(s.Needs, func(need string) bool { return is(p.states[need]) })
}

// stateOf is how a Job has ended; empty while it has not.
func stateOf(job batchv1.Job) State {
	for _, condition := range job.Status.Conditions {
		switch {
		case condition.Status != corev1.ConditionTrue:
		case condition.Type == batchv1.JobComplete:
			return Complete
		case condition.Type == batchv1.JobFailed:
			return Failed
		}
	}
	return ""
}

// remove takes away all that the workflow has left, but for its ledger.
func (p *player) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, serviceBound)
	defer cancel()
	return harness.Retry(ctx, "namespace "+p.namespace+" is being removed", func(ctx context.Context) (bool, error) {
		err := p.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.namespace}})
		return client.IgnoreNotFound(err) == nil, err
	})
}
