package windows

// Panes is the arithmetic of tumbling and sliding windows. Time is cut at every
// start and every end of a window; the pieces are panes, at most two a slide whatever the size. All rows of a
// pane are in the same windows. Times must be within [MinTime, MaxTime].
type Panes struct {
	Size, Slide int64 // microseconds; 0 < Slide <= Size
	Start       int64 // windows begin at multiples of Slide from here
	cut         int64 // where in a slide windows end, 0: where they begin
}

// The times for which windows are computed: about 73,000 years around 1970, so
// that no window's bounds overflow.
const (
	MinTime = -1 << 61
	MaxTime = 1 << 61
)

// PanesOf returns the panes of a spec of tumbling or sliding windows.
func PanesOf(s Spec) Panes {
	return Panes{Size: s.size, Slide: s.slide, Start: s.start, cut: s.size % s.slide}
}

// floor returns the last start of a window that is not after t.
func (p Panes) floor(t int64) int64 {
	r := (t - p.Start) % p.Slide
	if r < 0 {
		r += p.Slide
	}
	return t - r
}

// Pane returns the pane of a time, [from, to). A pane is named by from.
func (p Panes) Pane(t int64) (from, to int64) {
	from = p.floor(t)
	switch {
	case p.cut == 0:
		return from, from + p.Slide
	case t < from+p.cut:
		return from, from + p.cut
	}
	return from + p.cut, from + p.Slide
}

// Windows returns the first and the last start of the windows that a time is in; every slide between begins one.
func (p Panes) Windows(t int64) (first, last int64) {
	return p.floor(t-p.Size) + p.Slide, p.floor(t)
}

// FirstEnd returns the end of the first window that a time is in.
func (p Panes) FirstEnd(t int64) int64 {
	first, _ := p.Windows(t)
	return first + p.Size
}

// Open returns the start of the first window that ends after a time.
func (p Panes) Open(after int64) int64 {
	const far = MaxTime + maxSpan // beyond all ends of windows
	return p.floor(max(-far, min(far, after))-p.Size) + p.Slide
}

// LastEnd returns the end of the last window that a time is in: once it has passed nobody needs the pane any more.
func (p Panes) LastEnd(t int64) int64 { return p.floor(t) + p.Size }

// Most returns the number of windows that a row can be in.
func (p Panes) Most() int64 { return (p.Size + p.Slide - 1) / p.Slide }
