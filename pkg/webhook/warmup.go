package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

var errNotRead = errors.New("what is there has not been read yet")

// warmUp has every replica follow what requests ask for, and be ready only when it knows what is there: else the first
// requests would wait for that.
func warmUp(ctx context.Context, mgr ctrl.Manager) error {
	followed := map[string]client.Object{
		"orascaches": &v1alpha1.OrasCache{}, "nodes": &corev1.Node{}, "resourcequotas": &corev1.ResourceQuota{}, "limitranges": &corev1.LimitRange{},
	}
	for name, object := range followed {
		informer, err := mgr.GetCache().GetInformer(ctx, object)
		if err != nil {
			return fmt.Errorf("following the %s: %w", name, err)
		}
		known := func(*http.Request) error {
			if !informer.HasSynced() {
				return errNotRead
			}
			return nil
		}
		if err := mgr.AddReadyzCheck(name, known); err != nil {
			return fmt.Errorf("adding a probe: %w", err)
		}
	}
	return nil
}
