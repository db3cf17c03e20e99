package json

import "time"

type zones struct{ session *time.Location }

func (d *Decoder) timestamp(f *node, s []byte, p, end int) int { return d.misfit(f, reasonType, p) }
func (d *Decoder) date(f *node, s []byte, p, end int) int      { return d.misfit(f, reasonType, p) }
func (d *Decoder) decimal(f *node, s []byte, p, end int) int   { return d.misfit(f, reasonType, p) }
