package apiserver

import (
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// PodToken is the token of the registry's own pod, which alone may ask.
const PodToken = "the-registry-pods-own-token"

// Config is how the registry's pod reaches the server.
func (s *Server) Config() *rest.Config {
	return &rest.Config{Host: s.http.URL, BearerToken: PodToken, TLSClientConfig: rest.TLSClientConfig{CAData: s.authority()}}
}

// WriteKubeconfig writes a file by which a process outside of any cluster reaches the server as the registry's pod does.
func (s *Server) WriteKubeconfig(path string) error {
	const name = "test"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: s.http.URL, CertificateAuthorityData: s.authority()}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: PodToken}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, path)
}

// InPod returns the command that runs another as in the registry's pod: with the variables by which it finds the server, and
// with the files of its ServiceAccount, which are below dir, where a process looks for them. It takes a mount namespace.
func (s *Server) InPod(dir string, command ...string) ([]string, error) {
	host, port, err := net.SplitHostPort(s.http.Listener.Addr().String())
	if err != nil {
		return nil, err
	}
	account := filepath.Join(dir, "secrets", "kubernetes.io", "serviceaccount")
	if err := os.MkdirAll(account, 0o700); err != nil {
		return nil, fmt.Errorf("making the files of a pod: %w", err)
	}
	for name, content := range map[string][]byte{"token": []byte(PodToken), "ca.crt": s.authority()} {
		if err := os.WriteFile(filepath.Join(account, name), content, 0o600); err != nil {
			return nil, fmt.Errorf("making the files of a pod: %w", err)
		}
	}
	args := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "sh", "-c", `mount --bind "$0" /var/run && exec "$@"`, dir,
		"env", "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+port)
	return append(args, command...), nil
}

// authority is the certificate that the server is to be trusted by, in PEM.
func (s *Server) authority() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}
