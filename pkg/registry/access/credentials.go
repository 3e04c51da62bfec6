package access

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// maxHeader is the size in bytes above which an Authorization header is not looked at. A ServiceAccount's token has less than
// 2 KiB, and a third more in Basic.
const maxHeader = 16 << 10

// credentials are what a request says of who sent it. They must not be logged.
type credentials struct {
	user, password string
	bearer         bool // password was given as Bearer, without a user
}

// parseCredentials reads the Authorization header of a request. Its error is a refusal.
func parseCredentials(header http.Header) (credentials, error) {
	values := header.Values("Authorization")
	switch {
	case len(values) == 0:
		return credentials{}, unauthorized(reasonNone, "no credentials are given")
	case len(values) > 1:
		return credentials{}, unauthorized(reasonMalformed, "there are several Authorization headers")
	case len(values[0]) > maxHeader:
		return credentials{}, unauthorized(reasonMalformed, "the Authorization header has %d bytes, more than %d are not read", len(values[0]), maxHeader)
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		if rest == "" {
			return credentials{}, unauthorized(reasonNone, "the Authorization header has no token")
		}
		return credentials{password: rest, bearer: true}, nil
	case strings.EqualFold(scheme, "Basic"):
		return parseBasic(rest)
	default:
		return credentials{}, unauthorized(reasonMalformed, "the Authorization header is neither Basic nor Bearer")
	}
}

// parseBasic reads what follows "Basic".
func parseBasic(encoded string) (credentials, error) {
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil { // the error is not told: it would quote what may be a password
		return credentials{}, unauthorized(reasonMalformed, "the Basic credentials are not in base64")
	}
	user, password, ok := strings.Cut(string(decoded), ":")
	switch {
	case !ok:
		return credentials{}, unauthorized(reasonMalformed, "the Basic credentials have no colon between user and password")
	case password == "":
		return credentials{}, unauthorized(reasonNone, "the password is empty")
	}
	return credentials{user: user, password: password}, nil
}
