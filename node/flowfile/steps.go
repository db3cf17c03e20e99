package flowfile

import (
	"github.com/deltaic/deltaic/stream"
)

func (b *builder) steps(d *value) error {
	v := d.get("steps")
	if v == nil {
		return nil
	}
	if v.kind != mapping {
		return v.fail("INVALID_FLOW_FILE", "steps is %s; a mapping is wanted", v.kind)
	}
	for i, k := range v.keys {
		if b.frames[k.text] != nil {
			return k.fail("DUPLICATE_NAME", "there is a source or step called %q already", k.text)
		}
		frame, err := b.step(k.text, v.values[i])
		if err != nil {
			return err
		}
		b.frames[k.text] = frame
		b.file.steps = append(b.file.steps, k.text)
		b.file.stepPlaces[k.text] = k
	}
	return nil
}

func (b *builder) step(name string, v *value) (*stream.Frame, error) {
	if err := v.only("step "+name, "from", "do"); err != nil {
		return nil, err
	}
	frame, err := b.from("step "+name, v)
	if err != nil {
		return nil, err
	}
	frame = frame.As(name)
	do := v.get("do")
	if do == nil || do.kind == null {
		return frame, nil
	}
	if do.kind != sequence {
		return nil, do.fail("INVALID_FLOW_FILE", "do is %s; a list of verbs is wanted", do.kind)
	}
	for _, verb := range do.values {
		before := len(b.file.flow.Mistakes())
		if frame, err = b.verb(frame, verb); err != nil {
			return nil, err
		}
		if all := b.file.flow.Mistakes(); len(all) > before {
			return nil, placed(verb, all[before])
		}
	}
	return frame, nil
}

// from returns the frame that a step or sink reads; a list is a union by name.
func (b *builder) from(what string, v *value) (*stream.Frame, error) {
	f := v.get("from")
	if f == nil {
		return nil, v.fail("INVALID_FLOW_FILE", "%s has no from", what)
	}
	names, err := f.strs("from")
	if err != nil {
		return nil, err
	}
	var frames []*stream.Frame
	for _, n := range names {
		frame := b.frames[n]
		if frame == nil {
			e := f.fail("TABLE_OR_VIEW_NOT_FOUND", "%s reads %q, which is neither a source nor a step before it", what, n)
			var known []string
			for k := range b.frames {
				known = append(known, k)
			}
			if near := nearest(n, known); near != "" {
				e.Hint = "did you mean " + near + "?"
			}
			return nil, e
		}
		frames = append(frames, frame)
	}
	if len(frames) == 0 {
		return nil, f.fail("INVALID_FLOW_FILE", "%s reads nothing", what)
	}
	if len(frames) == 1 {
		return frames[0], nil
	}
	before := len(b.file.flow.Mistakes())
	united := frames[0].UnionByName(false, frames[1:]...)
	if all := b.file.flow.Mistakes(); len(all) > before {
		return nil, placed(f, all[before])
	}
	return united, nil
}
