package batch

// Flat returns c without a dictionary of its own: c itself with one more reference if it has
// none. The dictionaries of a nested column's kids stay.
func (c *Column) Flat(p *Pool) *Column {
	if c.Dict == nil {
		return c.Retain()
	}
	d := p.newColumn(c.Type)
	d.N = c.N
	d.CopyValid(c)
	gatherStrings(d, c.Dict, c.I32[:c.N])
	return d
}
