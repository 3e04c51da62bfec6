package transfer

import "net/http"

// reasoning learns why a HEAD was refused: the answer to one has no body, and the reason is in the body. So it asks once more,
// with GET.
type reasoning struct{ base http.RoundTripper }

func (t reasoning) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil || req.Method != http.MethodHead || !refuses(resp) {
		return resp, err
	}
	again := req.Clone(req.Context())
	again.Method = http.MethodGet
	told, err := t.base.RoundTrip(again)
	if err != nil {
		return resp, nil // which is an answer, if a short one
	}
	if told.StatusCode != resp.StatusCode {
		told.Body.Close() //nolint:errcheck // it is not the answer that was asked for
		return resp, nil
	}
	resp.Body.Close() //nolint:errcheck // it is empty
	resp.Body = told.Body
	return resp, nil
}

// refuses tells a refusal from a question who asks.
func refuses(resp *http.Response) bool {
	return resp.StatusCode == http.StatusForbidden ||
		resp.StatusCode == http.StatusUnauthorized && resp.Request.Header.Get("Authorization") != ""
}
