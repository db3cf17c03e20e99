package agg

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// UserAggregate is an aggregate written in Go. What it keeps of a group is bytes, none at first; it is
// called for all rows that a batch has of the group.
type UserAggregate struct {
	Name string
	Doc  string
	// Type returns the type of the result for arguments of these types, or an
	// error that says what is wrong with them.
	Type func(args []batch.Type) (batch.Type, error)
	// Update returns the state with the rows of args taken in: physical rows, in the order in which they came. It may
	// append to state and return it.
	Update func(state []byte, args []*batch.Column, rows []int32) ([]byte, error)
	// Merge returns the state of the rows of both, those of state first. nil: the aggregate cannot be computed in parts.
	Merge func(state, more []byte) ([]byte, error)
	// Remove takes rows back: nil for an aggregate that is refused over an input that updates.
	Remove func(state []byte, args []*batch.Column, rows []int32) ([]byte, error)
	// Result appends one value, which may be null, to a builder of the type.
	Result func(state []byte, to *batch.Builder) error
}

// Registry holds users' aggregates. Fill it before binding; it is not safe to add while others bind.
type Registry struct{ functions map[string]*function }

// Add adds an aggregate. Built-in names and names that are taken are refused.
func (g *Registry) Add(u UserAggregate) error {
	name := strings.ToLower(u.Name)
	if name == "" || u.Type == nil || u.Update == nil || u.Result == nil {
		return supervision.New(supervision.Fatal, "INVALID_FUNCTION", "an aggregate needs a name, Type, Update and Result: %q has not all of them", u.Name)
	}
	if functions[name] != nil || g.functions[name] != nil {
		return supervision.New(supervision.Fatal, "ROUTINE_ALREADY_EXISTS", "there is an aggregate %s already", name)
	}
	if g.functions == nil {
		g.functions = map[string]*function{}
	}
	g.functions[name] = &function{doc: doc(name, name+"(...)", u.Doc), max: -1, build: func(b *binder, c *Call) error { return buildUser(b, c, &u) }}
	return nil
}

// lookup returns the aggregate with this name, nil if there is none.
func (b *binder) lookup(name string) *function {
	name = strings.ToLower(name)
	if f := functions[name]; f != nil || b.o.Aggregates == nil {
		return f
	}
	return b.o.Aggregates.functions[name]
}

// names returns what aggregates are called.
func (b *binder) names() []string {
	names := slices.Collect(maps.Keys(functions))
	if b.o.Aggregates != nil {
		names = slices.AppendSeq(names, maps.Keys(b.o.Aggregates.functions))
	}
	return names
}

// userSlot keeps the state of a user's aggregate in a text.
type userSlot struct {
	at      int
	args    []int
	u       *UserAggregate
	columns []*batch.Column
	order   []uint64
	members []int32
	state   []byte
}

func (s *userSlot) add(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	return s.call(c, in, rows, sel, n, s.u.Update)
}

func (s *userSlot) remove(c *cells, in *Input, rows []uint32, sel []int32, n int) error {
	return s.call(c, in, rows, sel, n, s.u.Remove)
}

func (s *userSlot) call(c *cells, in *Input, rows []uint32, sel []int32, n int,
	f func([]byte, []*batch.Column, []int32) ([]byte, error)) error {
	s.columns = s.columns[:0]
	for _, a := range s.args {
		s.columns = append(s.columns, in.Columns[a])
	}
	var err error
	s.order, err = byGroup(rows, sel, n, s.order, func(row uint32, members []uint64) error {
		s.members = s.members[:0]
		for _, m := range members {
			s.members = append(s.members, int32(uint32(m)))
		}
		state, err := f(append(s.state[:0], c.texts[s.at].at(row)...), s.columns, s.members)
		if err != nil {
			return s.failed(int(s.members[0]), err)
		}
		s.state = state
		c.texts[s.at].set(row, state)
		return nil
	})
	return err
}

func (s *userSlot) failed(row int, err error) error {
	return &RowError{Row: row, Call: s.u.Name, Class: "FAILED_EXECUTE_UDF", Message: err.Error()}
}

func (s *userSlot) merge(to *cells, rows []uint32, from *cells, n int) error {
	for i := range n {
		more := from.texts[s.at].at(uint32(i))
		state, err := s.u.Merge(append(s.state[:0], to.texts[s.at].at(rows[i])...), more)
		if err != nil {
			return s.failed(i, err)
		}
		s.state = state
		to.texts[s.at].set(rows[i], state)
	}
	return nil
}

func (s *userSlot) clone() slot { c := *s; return &c }

func buildUser(b *binder, c *Call, u *UserAggregate) error {
	if b.o.Updating && u.Remove == nil {
		return errors.New("it has no Remove, and this input takes earlier rows back: give it one")
	}
	var types []batch.Type
	s := &userSlot{u: u}
	for _, x := range c.arguments {
		types, s.args = append(types, x.Type()), append(s.args, b.input(x))
	}
	t, err := u.Type(types)
	if err != nil {
		return err
	}
	m := b.rowsOf(c, nil)
	if c.Distinct {
		m = b.distinct(c.arguments, b.rowsOf(c, c.arguments))
	}
	s = share(b, fmt.Sprint(c.Name, s.args), -1, m, 0, s, &s.at)
	b.grows(c)
	b.plan.exact = false
	b.plan.whole = b.plan.whole || u.Merge == nil
	c.Type, c.Nullable = t, true
	c.finish = func(p *batch.Pool, from *Partial) (*batch.Column, error) {
		return nullable(t, p, from, -1, func(o *batch.Builder, i int) error {
			before := o.Len()
			if err := u.Result(from.bytes[s.at].at(uint32(i)), o); err != nil {
				return s.failed(i, err)
			}
			if o.Len() != before+1 {
				return s.failed(i, fmt.Errorf("its Result appended %d values, not one", o.Len()-before))
			}
			return nil
		})
	}
	return nil
}
