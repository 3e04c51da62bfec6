package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"gotest.tools/v3/assert"
)

// FuzzCredentials looks that no header is a surprise, and that nothing of it is told.
func FuzzCredentials(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(f, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	assert.NilError(f, err)
	token, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: "x"}).Serialize()
	assert.NilError(f, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(f, err)

	encoded := base64.StdEncoding.EncodeToString([]byte("token:" + token))
	for _, seed := range []string{
		"", "Basic", "Bearer", "Bearer ", "Bearer .", "Bearer ..", "Bearer e30.e30.e30", "bearer " + token, "Basic " + encoded, "basic Og==",
		"Basic Ojo6", "Basic " + encoded[:20], "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
		`Digest username="x"`, "Bearer " + strings.Repeat("a.", 3), "Bearer eyJhbGciOiJFUzI1NiIsImNyaXQiOlsieCJdfQ.e30.AA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		given, err := parseCredentials(http.Header{"Authorization": {header}})
		if err != nil {
			assertTellsNothing(t, err, header)
			return
		}
		assert.Assert(t, given.password != "")
		signed, err := parseToken(given.password)
		if err != nil {
			assertTellsNothing(t, err, given.password)
			return
		}
		var said claims
		assert.Assert(t, signed.Claims(other.Public(), &said) != nil, "nobody has signed with that key")
	})
}

func assertTellsNothing(t *testing.T, err error, secret string) {
	t.Helper()
	var refused *refusal
	assert.Assert(t, errors.As(err, &refused))
	assert.Equal(t, refused.status, http.StatusUnauthorized)
	if len(secret) > 80 { // shorter ones may be words of the sentence
		assert.Assert(t, !strings.Contains(refused.message, secret))
	}
}
