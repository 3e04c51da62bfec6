// Package storage keeps what a registry holds: in a directory, or in S3. Its drivers are those of the distribution registry
// with what they lack.
//
// In a directory, what a call has written when it returns survives the loss of power; see [Store.Driver]. A disk that is full
// is told apart from other failures; see [ErrFull].
package storage
