package apiserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// issuer is whose tokens the cluster's are.
const issuer = "https://kubernetes.default.svc"

// Key is one that tokens are signed with.
type Key struct {
	ID     string
	Public any
	Signer jose.Signer
}

// NewKey makes an ECDSA key.
func NewKey(id string) (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, err
	}
	return KeyOf(id, jose.ES256, private, private.Public())
}

// KeyOf is a key that signs by an algorithm.
func KeyOf(id string, algorithm jose.SignatureAlgorithm, private, public any) (Key, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: private}, (&jose.SignerOptions{}).WithHeader("kid", id))
	return Key{ID: id, Public: public, Signer: signer}, err
}

// Sign makes a token.
func (k Key) Sign(claims map[string]any) (string, error) {
	return jwt.Signed(k.Signer).Claims(claims).Serialize()
}

// discover says whose tokens they are. Where it says the keys are is another address, as with a cluster that is reached by
// more than one.
func (s *Server) discover(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, "application/json", map[string]string{"issuer": issuer, "jwks_uri": "https://elsewhere.invalid/openid/v1/jwks"})
}

func (s *Server) listKeys(w http.ResponseWriter, req *http.Request) {
	const media = "application/jwk-set+json"
	if !strings.Contains(req.Header.Get("Accept"), media) {
		http.Error(w, "not acceptable", http.StatusNotAcceptable)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	var set jose.JSONWebKeySet
	for _, key := range s.state.Keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public, KeyID: key.ID, Use: "sig"})
	}
	answer(w, http.StatusOK, media, set)
}
