package tree

// Discard takes back the regular file p, which may then be created once more. One that this writer has not created is
// no error.
func (w *Writer) Discard(p Path) error {
	return w.locked("discarding", p, func() error {
		if w.kinds[p] != File {
			return nil
		}
		if err := w.stage.Remove(string(p)); err != nil {
			return err
		}
		delete(w.kinds, p)
		return nil
	})
}
