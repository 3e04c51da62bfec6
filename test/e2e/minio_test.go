//go:build e2e

package e2e

import (
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/minioserver"
)

const (
	// minioImage holds a MinIO server and nothing else.
	minioImage = "oras-test/minio:e2e"
	minioPort  = 9000
)

// minio runs a MinIO with a bucket, and makes a Secret with its credentials.
func (c *cluster) minio(t *testing.T, namespace string) *v1alpha1.S3Spec {
	t.Helper()
	server := minioserver.Server{AccessKey: rand.Text(), SecretKey: rand.Text()}
	assert.NilError(t, c.Create(within(t), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "bucket"},
		StringData: map[string]string{"AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey},
	}))
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "minio"},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			SecurityContext:               &corev1.PodSecurityContext{FSGroup: ptr.To[int64](65532)},
			Containers: []corev1.Container{{
				Name: "minio", Image: minioImage, ImagePullPolicy: corev1.PullIfNotPresent,
				Args: []string{"server", "--quiet", "--address", fmt.Sprintf(":%d", minioPort), "/data/drive"},
				Env: []corev1.EnvVar{
					{Name: "MINIO_ROOT_USER", Value: server.AccessKey}, {Name: "MINIO_ROOT_PASSWORD", Value: server.SecretKey},
					{Name: "MINIO_BROWSER", Value: "off"}, {Name: "MINIO_UPDATE", Value: "off"}, {Name: "HOME", Value: "/data"}, {Name: "GOMEMLIMIT", Value: "256MiB"},
				},
				ReadinessProbe: answers("/minio/health/cluster", minioPort),
				VolumeMounts:   []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
	address := c.serve(t, pod)
	var err error
	server.Addr, _, err = c.Forward(t.Context(), namespace, pod.Name, minioPort)
	assert.NilError(t, err)
	return &v1alpha1.S3Spec{
		Bucket: server.Bucket(t, "artifacts"), Endpoint: net.JoinHostPort(address, strconv.Itoa(minioPort)), Insecure: true, SecretName: "bucket",
	}
}
