package storage

// limits are those of S3 for what is written in parts, with some room. Sizes are in bytes.
type limits struct {
	parts        int   // of an object; S3 takes 10,000
	smallestPart int64 // but the last
	pieceSize    int64 // of an object's copy, unless that makes more than fewPieces; twice smallestPart at least
	fewPieces    int64
	largestPiece int64 // that is copied by one request
}

var limitsOfS3 = limits{parts: 9_000, smallestPart: 5 << 20, pieceSize: 128 << 20, fewPieces: 1_000, largestPiece: 5 << 30}

// pieces returns in how many pieces an object of that size is copied.
func (l limits) pieces(size int64) int64 {
	return max(1, min(over(size, l.pieceSize), l.fewPieces), over(size, l.largestPiece))
}

// over is a/b, rounded up.
func over(a, b int64) int64 { return (a + b - 1) / b }

// split returns where the piece i of so many begins, all of which are about as large as each other.
func split(size, i, pieces int64) int64 {
	return size/pieces*i + min(i, size%pieces)
}
