package access

import (
	"context"
	"crypto/subtle"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/singleflight"
	"k8s.io/utils/lru"
)

const (
	// maxPairs is how many pairs of user and password are remembered that are right, and as many that are wrong.
	maxPairs = 4096
	// maxWaiting is how many passwords wait for a processor at most: who comes then is told to come again.
	maxWaiting = 32
)

// users is the door for the users of a file. All of them may do everything.
type users struct {
	file         *passwordFile
	hasher       hasher
	right, wrong *lru.Cache // what a pair was compared with, by the pair's hash
	flights      singleflight.Group
	slots        chan struct{}
	waiting      atomic.Int32
}

func newUsers(path string, opts Options) (*users, error) {
	file, err := openPasswords(path, opts)
	if err != nil {
		return nil, err
	}
	return &users{
		file:   file,
		hasher: newHasher(),
		right:  lru.New(maxPairs),
		wrong:  lru.New(maxPairs),
		slots:  make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}, nil
}

// who returns the user whose password that is. Its errors are refusals.
func (u *users) who(ctx context.Context, given credentials) (*user, error) {
	if given.bearer {
		return nil, unauthorized(reasonMalformed, "a token is given, this registry has users")
	}
	hash, there := u.file.now().hash(given.user)
	good, err := u.matches(ctx, given, hash)
	if err != nil {
		return nil, err
	}
	if !good || !there {
		return nil, unauthorized(reasonPassword, "there is no such user, or the password is another")
	}
	return &user{name: given.user}, nil
}

// matches is whether the password is that of hash. What has been found out about a pair is true as long as the user has that
// hash in the file.
func (u *users) matches(ctx context.Context, given credentials, hash string) (bool, error) {
	pair := u.hasher.hash(strconv.Itoa(len(given.user)) + ":" + given.user + given.password)
	if remembers(u.right, pair, hash) {
		return true, nil
	}
	if hash == "" || remembers(u.wrong, pair, hash) {
		return false, nil
	}
	done := u.flights.DoChan(string(pair[:])+hash, func() (any, error) {
		good, err := u.compare(hash, given.password)
		switch {
		case err != nil:
		case good:
			u.right.Add(pair, hash)
		default:
			u.wrong.Add(pair, hash)
		}
		return good, err
	})
	select {
	case landed := <-done:
		return landed.Val == true, landed.Err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// compare asks bcrypt, on half of the processors at most.
func (u *users) compare(hash, password string) (bool, error) {
	defer u.waiting.Add(-1)
	if u.waiting.Add(1) > maxWaiting {
		return false, &refusal{status: http.StatusTooManyRequests, reason: reasonBusy, message: "too many passwords are being looked at"}
	}
	u.slots <- struct{}{}
	defer func() { <-u.slots }()
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil, nil
}

// remembers is whether a pair was compared with that hash.
func remembers(known *lru.Cache, pair hash, with string) bool {
	before, ok := known.Get(pair)
	compared, _ := before.(string)
	return ok && subtle.ConstantTimeCompare([]byte(compared), []byte(with)) == 1
}

func (*users) may(context.Context, *user, Right) (bool, error) { return false, nil }

func (*users) hint() string { return "the name and the password of a user of this registry are needed" }

func (*users) close() {}
