package transfer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parseReceived reads the Range header of an upload, which is 0-N with N the last byte that is there, and returns the
// number of bytes. An absent one, and 0-0, which registries also use for nothing, is 0: so a single byte is sent again.
func parseReceived(header string) (int64, error) {
	if header == "" {
		return 0, nil
	}
	first, last, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	end, err := strconv.ParseInt(last, 10, 64)
	if !ok || first != "0" || err != nil || end < 0 || end > maxBlob {
		return 0, fmt.Errorf("%w: Range %q of an upload", errHeader, header)
	}
	if end == 0 {
		return 0, nil
	}
	return end + 1, nil
}

// maxBlob is above every file system's limit and far from overflowing, in bytes.
const maxBlob = 1 << 50

// errHeader is wrapped by the error about a header of a response that makes no sense.
var errHeader = errors.New("the registry sent a wrong header")

// parseContentRange reads the Content-Range header of a partial response: "bytes first-last/total" (RFC 9110 section 14.4).
// A total that is not told is -1.
func parseContentRange(header string) (first, last, total int64, err error) {
	fail := func() (int64, int64, int64, error) {
		return 0, 0, 0, fmt.Errorf("%w: Content-Range %q", errHeader, header)
	}
	span, size, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	from, to, dash := strings.Cut(span, "-")
	if !ok || !dash || !strings.HasPrefix(header, "bytes ") {
		return fail()
	}
	total = -1
	numbers := []*int64{&first, &last}
	texts := []string{from, to}
	if size != "*" {
		numbers, texts = append(numbers, &total), append(texts, size)
	}
	for i, text := range texts {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil || n > maxBlob {
			return fail()
		}
		*numbers[i] = int64(n)
	}
	if first > last || total >= 0 && last >= total {
		return fail()
	}
	return first, last, total, nil
}
