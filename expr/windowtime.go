package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("window_time", "window_time(window)", "The event time of what a window holds: its last microsecond.",
		"window_time(named_struct('start', TIMESTAMP'2026-03-09 14:00:00', 'end', TIMESTAMP'2026-03-09 14:05:00'))", "2026-03-09 14:04:59.999999", 1, 1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			t := args[0].t
			if t.Kind != batch.Struct || len(t.Fields) != 2 || t.Fields[0].Name != "start" || t.Fields[1].Name != "end" ||
				t.Fields[1].Type.Kind != batch.Timestamp && t.Fields[1].Type.Kind != batch.TimestampNTZ {
				return nil, b.mismatch(c, "window_time needs the column of a window, this is of type %s", clip(t.String()))
			}
			return b.intern(b.call("window_time", t.Fields[1].Type, lastMicrosecond, b.structField(args[0], 1)), ""), nil
		})
}

// lastMicrosecond is the kernel of window_time over the ends of windows.
func lastMicrosecond(r *run, _ []int32, a []val) (*batch.Column, error) {
	end := a[0].c
	c := r.new(end.Type)
	c.CopyValid(end)
	for i, v := range end.I64[:end.N] {
		c.I64[i] = v - 1
	}
	return c, nil
}
