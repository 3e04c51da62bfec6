package events

import (
	"context"
	"errors"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// cluster is a fake API server with a reconciler at it, a minute after the containers have ended.
type cluster struct {
	client.Client
	reconciler *Reconciler
	clock      *testclock.FakePassiveClock
}

// newCluster holds objects; funcs stand in for what the API server does otherwise.
func newCluster(funcs interceptor.Funcs, objects ...client.Object) cluster {
	c := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(objects...).WithInterceptorFuncs(funcs).Build()
	passive := testclock.NewFakePassiveClock(testEnd().Add(time.Minute))
	return cluster{Client: c, clock: passive, reconciler: &Reconciler{client: c, clock: passive}}
}

func (c cluster) reconcile(t *testing.T) error {
	t.Helper()
	_, err := c.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(newStep())})
	return err
}

// reasons are those of all Events, each with its namespace.
func (c cluster) reasons(t *testing.T) []string {
	t.Helper()
	events := &corev1.EventList{}
	assert.NilError(t, c.List(t.Context(), events))
	var all []string
	for _, event := range events.Items {
		all = append(all, event.Namespace+"/"+event.Reason)
	}
	return all
}

func TestAPodGetsItsEventsOnce(t *testing.T) {
	pod := newStep(ended("app", 203, "The sidecar is gone."), ended("oras", 0, "InputsPulled: a:latest\n"))
	c := newCluster(interceptor.Funcs{}, pod)
	for range 3 {
		assert.NilError(t, c.reconcile(t))
		assert.Assert(t, is.Len(c.reasons(t), 2))
	}
	assert.Assert(t, is.Contains(c.reasons(t), "flow/HandoffFailed"))
	assert.Assert(t, is.Contains(c.reasons(t), "flow/InputsPulled"))
}

func TestANewAttemptGetsItsOwnEvent(t *testing.T) {
	pod := newStep(ended("app", 201, "gave up after 10s"))
	c := newCluster(interceptor.Funcs{}, pod)
	assert.NilError(t, c.reconcile(t))
	assert.NilError(t, c.Get(t.Context(), client.ObjectKeyFromObject(pod), pod))
	ended("app", 201, "gave up after 10s")(pod)
	assert.NilError(t, c.Status().Update(t.Context(), pod))
	assert.NilError(t, c.reconcile(t))
	assert.DeepEqual(t, c.reasons(t), []string{"flow/OutputPushFailed", "flow/OutputPushFailed"})
}

func TestOldNewsIsNotTold(t *testing.T) {
	tests := map[string]struct {
		age  time.Duration
		want int
	}{
		"just now":                      {0, 1},
		"ahead of the operator's clock": {-time.Minute, 1},
		"as old as may be":              {maxAge, 1},
		"too old":                       {maxAge + time.Second, 0},
		"so old that the Event may be forgotten by now": {24 * time.Hour, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCluster(interceptor.Funcs{}, newStep(ended("app", 203, "The sidecar is gone.")))
			c.clock.SetTime(testEnd().Add(tc.age))
			assert.NilError(t, c.reconcile(t))
			assert.Assert(t, is.Len(c.reasons(t), tc.want))
		})
	}
}

func TestAPodThatIsGoneIsNotToldOf(t *testing.T) {
	c := newCluster(interceptor.Funcs{})
	assert.NilError(t, c.reconcile(t))
	assert.Assert(t, is.Len(c.reasons(t), 0))
}

func TestWhatTheAPIServerSaysToAnEvent(t *testing.T) {
	resource := schema.GroupResource{Resource: "events"}
	terminating := apierrors.NewForbidden(resource, "x", errors.New("the namespace is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	tests := map[string]struct {
		answer    error
		wantRetry bool
	}{
		"one that is there is left as it is":         {apierrors.NewAlreadyExists(resource, "x"), false},
		"a namespace that goes gets none":            {terminating, false},
		"where the quota is used up, it tries again": {apierrors.NewForbidden(resource, "x", errors.New("exceeded quota")), true},
		"when there is trouble, it tries again":      {apierrors.NewInternalError(errors.New("no leader")), true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			asked := 0
			c := newCluster(interceptor.Funcs{
				Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
					asked++
					return tc.answer
				},
			}, newStep(ended("app", 203, "The sidecar is gone."), ended("oras", 0, "InputsPulled: a:latest\n")))
			err := c.reconcile(t)
			assert.Equal(t, errors.Is(err, tc.answer), tc.wantRetry)
			assert.Equal(t, err != nil, tc.wantRetry)
			assert.Equal(t, asked, 2, "one Event does not wait for another")
		})
	}
}
