package keyed_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/operators/operatortest"
	"github.com/deltaic/deltaic/operators/typed"
	"github.com/deltaic/deltaic/persistence"
)

type event struct {
	User string
	Kind int32
	At   time.Time
}

type result struct {
	User  string
	What  string
	Count int64
}

func micros(n int64) time.Time { return time.UnixMicro(n).UTC() }

func encode[T any](pool *batch.Pool, rows ...T) *batch.Batch {
	e, err := typed.NewEncoder[T](pool)
	if err != nil {
		panic(err)
	}
	defer e.Release()
	e.Add(rows...)
	return e.Finish()
}

var events, _ = typed.SchemaOf[event]()

// tally keeps every kind of state, and sets a timer for each row, which sets others off.
type tally struct {
	keyed.Base[string, result]
	count *keyed.Value[int64]
	times *keyed.List[time.Time]
	kinds *keyed.Map[int32, int64]
}

func (t *tally) Init(h *keyed.Handle) (err error) {
	t.count, err = keyed.NewValue[int64](h, "count", 0)
	if err == nil {
		t.times, err = keyed.NewList[time.Time](h, "times", 0)
	}
	if err == nil {
		t.kinds, err = keyed.NewMap[int32, int64](h, "kinds", 0)
	}
	return err
}

func (t *tally) Input(user string, rows []event, c *keyed.Call[result]) error {
	for _, r := range rows {
		switch r.Kind {
		case 4:
			t.count.Clear()
			t.times.Clear()
			t.kinds.Clear()
		case 3:
			t.kinds.Delete(1)
			t.times.Set(r.At)
		default:
			n, _ := t.count.Get()
			t.count.Set(n + 1)
			t.times.Append(r.At, r.At)
			k, _ := t.kinds.Get(r.Kind)
			t.kinds.Put(r.Kind, k+1)
		}
		n, some := t.count.Get()
		c.Emit(result{user, fmt.Sprint("count ", some), n})
		c.Emit(result{user, "times", int64(len(t.times.All()))})
		sum := int64(0)
		for k, v := range t.kinds.All() {
			sum += int64(k+1) * 100 * v
		}
		c.Emit(result{user, "kinds", sum})
		c.SetTimer(keyed.Timer{Clock: keyed.EventTime, At: r.At.Add(2 * time.Microsecond)})
	}
	return nil
}

func (t *tally) Timer(user string, timer keyed.Timer, c *keyed.Call[result]) error {
	at := timer.At.UnixMicro()
	c.Emit(result{user, "timer", at})
	if at%2 == 0 {
		c.SetTimer(keyed.Timer{Clock: keyed.EventTime, At: timer.At.Add(3 * time.Microsecond)})
	}
	return nil
}

func text(r result) string {
	return fmt.Sprintf(`{"user":"%s","what":"%s","count":%d} 0`, r.User, r.What, r.Count)
}

// model is what tally emits.
func model(rows []event, delay int64) []string {
	var out []string
	watermark := int64(math.MinInt64)
	type kept struct {
		count, times int64
		some         bool
		kinds        map[int32]int64
	}
	users, timers := map[string]*kept{}, map[string]map[int64]bool{}
	for _, r := range rows {
		at := r.At.UnixMicro()
		if at < watermark {
			out = append(out, "late "+string(batch.AppendRowJSON(nil, encode(nil, r), 0)))
			continue
		}
		watermark = max(watermark, at-delay)
		u := users[r.User]
		if u == nil {
			u = &kept{kinds: map[int32]int64{}}
			users[r.User], timers[r.User] = u, map[int64]bool{}
		}
		switch r.Kind {
		case 4:
			*u = kept{kinds: map[int32]int64{}}
		case 3:
			delete(u.kinds, 1)
			u.times = 1
		default:
			u.count, u.times, u.some = u.count+1, u.times+2, true
			u.kinds[r.Kind]++
		}
		sum := int64(0)
		for k, v := range u.kinds {
			sum += int64(k+1) * 100 * v
		}
		out = append(out, text(result{r.User, fmt.Sprint("count ", u.some), u.count}), text(result{r.User, "times", u.times}), text(result{r.User, "kinds", sum}))
		timers[r.User][at+2] = true
	}
	for user, set := range timers {
		for _, limit := range []int64{watermark, math.MaxInt64} {
			for {
				due := slices.Sorted(maps.Keys(set))
				if len(due) == 0 || due[0] > limit {
					break
				}
				delete(set, due[0])
				out = append(out, text(result{user, "timer", due[0]}))
				if due[0]%2 == 0 && limit != math.MaxInt64 {
					set[due[0]+3] = true
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// State of every kind and timers equal a model, however rows are cut and whenever tasks are restored.
func TestStateAndTimersEqualAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		var rows []event
		for range rapid.IntRange(1, 12).Draw(rt, "rows") {
			rows = append(rows, event{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "user"), rapid.Int32Range(0, 4).Draw(rt, "kind"),
				micros(rapid.Int64Range(0, 9).Draw(rt, "at"))})
		}
		delay := rapid.Int64Range(0, 4).Draw(rt, "delay")
		in := encode(pool, rows...)
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Keys: []int{0}, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"),
			Time: &operatortest.EventTime{Column: 2, Delay: delay},
			New: func() (operators.Operator, error) {
				return keyed.New(events, keyed.Options{Keys: []int{0}, Time: 2}, &tally{})
			}})
		in.Release()
		if want := model(rows, delay); !slices.Equal(out, want) {
			rt.Fatalf("got  %v\nwant %v", out, want)
		}
	})
}

// screen collects rows as text.
type screen struct {
	operators.Output
	rows []string
}

func (s *screen) Emit(b *batch.Batch) error { return s.EmitTo(operators.PortFinal, b) }

func (s *screen) EmitTo(port int, b *batch.Batch) error {
	for _, r := range batchtest.Rows(b) {
		s.rows = append(s.rows, fmt.Sprintf("%d %s", port, r))
	}
	b.Release()
	return nil
}

// bench runs one operator by hand.
type bench struct {
	t        testing.TB
	operator operators.Operator
	epoch    operators.Epoch
	state    *persistence.Store
	screen
}

func newBench(t testing.TB, operator operators.Operator, err error) *bench {
	b := &bench{t: t, operator: operator}
	if err == nil {
		b.state, err = persistence.NewStore(persistence.Options{Step: "keyed", Groups: 256, Hi: 256})
	}
	if err == nil {
		err = operator.Open(&operators.Context{Step: "keyed", State: b.state, KeyGroups: 256, Hi: 256, Epoch: &b.epoch})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) rows(rows ...event) error {
	return b.operator.Process(encode(nil, rows...), 0, &b.screen)
}

// barrier closes the epoch at a processing time.
func (b *bench) barrier(now int64) {
	b.epoch.Next = now
	if err := b.operator.Flush(&b.screen); err != nil {
		b.t.Fatal(err)
	}
	b.epoch.Number++
	b.epoch.Now = now
}

func (b *bench) takes(want ...string) {
	b.t.Helper()
	if !slices.Equal(b.screen.rows, want) {
		b.t.Errorf("got %q, want %q", b.screen.rows, want)
	}
	b.screen.rows = nil
}

// alarm sets and deletes timers, and keeps what expires.
type alarm struct {
	keyed.Base[string, result]
	last  *keyed.Value[int64]
	list  *keyed.List[int64]
	names *keyed.Map[string, int64]
}

func (a *alarm) Init(h *keyed.Handle) (err error) {
	a.last, err = keyed.NewValue[int64](h, "last", 100*time.Second)
	if err == nil {
		a.list, err = keyed.NewList[int64](h, "list", 100*time.Second)
	}
	if err == nil {
		a.names, err = keyed.NewMap[string, int64](h, "names", 100*time.Second)
	}
	return err
}

func (a *alarm) Input(user string, rows []event, c *keyed.Call[result]) error {
	for _, r := range rows {
		switch r.Kind {
		case 0:
			n, some := a.last.Get()
			count := len(a.list.All())
			for range a.names.All() {
				count += 10
			}
			c.Emit(result{user, fmt.Sprint("last ", some, " ", n), int64(count)})
		case 1:
			a.last.Set(7)
			a.list.Append(1)
			a.names.Put(r.At.String(), 1)
		case 2:
			c.SetTimer(keyed.Timer{Clock: keyed.ProcessingTime, At: r.At})
		case 3:
			c.DeleteTimer(keyed.Timer{Clock: keyed.ProcessingTime, At: r.At})
		case 4:
			return errors.New("four")
		case 5:
			panic("five")
		}
	}
	c.Emit(result{user, "timers", int64(len(c.Timers(keyed.ProcessingTime)))})
	return nil
}

func (a *alarm) Timer(user string, t keyed.Timer, c *keyed.Call[result]) error {
	c.Emit(result{user, "due", t.At.UnixMicro()})
	return nil
}

func (a *alarm) Initial(user string, s event, _ *keyed.Call[result]) error {
	a.last.Set(int64(s.Kind))
	return nil
}

// What has a time to live is gone at its end, and then forgotten.
func TestStateExpires(t *testing.T) {
	op, err := keyed.New(events, keyed.Options{Keys: []int{0}, Time: -1}, &alarm{})
	b := newBench(t, op, err)
	const second = 1_000_000
	write, read := event{"u", 1, micros(1)}, event{"u", 0, micros(0)}
	for _, step := range []struct {
		now   int64
		row   event
		shows string
	}{
		{0, write, ""},
		{60 * second, read, `{"user":"u","what":"last true 7","count":11}`},
		{70 * second, event{"u", 1, micros(2)}, ""},
		{99 * second, read, `{"user":"u","what":"last true 7","count":22}`},
		{100 * second, read, `{"user":"u","what":"last true 7","count":11}`},
		{170 * second, read, `{"user":"u","what":"last false 0","count":0}`},
	} {
		b.barrier(step.now)
		b.screen.rows = nil
		if err := b.rows(step.row); err != nil {
			t.Fatal(err)
		}
		if step.shows != "" {
			b.takes("0 "+step.shows, `0 {"user":"u","what":"timers","count":0}`)
		}
	}
	b.barrier(300 * second)
	b.barrier(400 * second)
	for _, u := range b.state.Usage() {
		if u.Rows != 0 {
			t.Errorf("%d rows of %s are left", u.Rows, u.Table)
		}
	}
}

// Timers on processing time fire at the barrier that reaches them, unless they were deleted; the engine is told of the next one.
func TestProcessingTimeTimers(t *testing.T) {
	op, err := keyed.New(events, keyed.Options{Keys: []int{0}, Time: -1, Updates: true}, &alarm{})
	b := newBench(t, op, err)
	waker := op.(operators.Waker)
	if _, some := waker.NextDue(); some {
		t.Error("there is a timer")
	}
	if err := b.rows(event{"u", 2, micros(50)}, event{"v", 2, micros(20)}, event{"u", 2, micros(30)}, event{"u", 2, micros(30)}, event{"u", 3, micros(50)}); err != nil {
		t.Fatal(err)
	}
	if at, some := waker.NextDue(); !some || at != 20 {
		t.Errorf("next is %d, %v", at, some)
	}
	b.takes()
	b.barrier(29)
	b.takes(`1 kind 2 {"user":"u","what":"timers","count":1}`, `1 kind 2 {"user":"v","what":"timers","count":1}`, `1 kind 2 {"user":"v","what":"due","count":20}`)
	b.barrier(100)
	b.takes(`1 kind 2 {"user":"u","what":"due","count":30}`)
	if _, some := waker.NextDue(); some {
		t.Error("a timer is left")
	}
}

// An error or a panic of the code ends the flow, and says which key it was.
func TestCodeThatFails(t *testing.T) {
	for kind, says := range map[int32]string{4: "four", 5: "five"} {
		op, err := keyed.New(events, keyed.Options{Keys: []int{0}, Time: -1}, &alarm{})
		b := newBench(t, op, err)
		if err := b.rows(event{"u", kind, micros(0)}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), `{"user":"u"}`) {
			t.Errorf("got %v", err)
		}
	}
}

// users is an initial state in memory.
type users struct{ rows []event }

func (u users) Schema() *batch.Schema { return events }

func (u users) Newest(context.Context) (int64, error) { return 1, nil }

func (u users) Read(_ context.Context, _ int64, pool *batch.Pool, f func(*batch.Batch) error) error {
	b := encode(pool, u.rows...)
	defer b.Release()
	return f(b)
}

// The initial state is there before the first row, and read once.
func TestInitialState(t *testing.T) {
	op, err := keyed.NewWithInitial[string, event, result, event](events, keyed.Options{Keys: []int{0}, Time: -1,
		Initial: users{[]event{{User: "u", Kind: 42}, {User: "v", Kind: 43}}}}, &alarm{})
	b := newBench(t, op, err)
	if err := op.(operators.Preparer).Prepare(1)(context.Background()); err != nil {
		t.Fatal(err)
	}
	if op.(operators.Preparer).Prepare(2) != nil {
		t.Error("it is read again")
	}
	if err := b.rows(event{User: "u"}); err != nil {
		t.Fatal(err)
	}
	b.takes(`0 {"user":"u","what":"last true 42","count":0}`, `0 {"user":"u","what":"timers","count":0}`)
}

func TestWhatIsRefused(t *testing.T) {
	if _, err := keyed.New(events, keyed.Options{Time: -1}, &alarm{}); err == nil {
		t.Error("no key is taken")
	}
	if _, err := keyed.New(events, keyed.Options{Keys: []int{1}, Time: -1}, &alarm{}); err == nil || !strings.Contains(err.Error(), "does not fit") {
		t.Errorf("a key of another type: %v", err)
	}
	strange := users{}
	_, err := keyed.NewWithInitial[int32, event, result, event](events, keyed.Options{Keys: []int{1}, Time: -1, Initial: initialWithout{strange}}, nil)
	if err == nil || !strings.Contains(err.Error(), "INITIAL_STATE") {
		t.Errorf("an initial state without the key: %v", err)
	}
}

type initialWithout struct{ users }

func (initialWithout) Schema() *batch.Schema {
	return batch.NewSchema(batch.Field{Name: "user", Type: batch.StringType})
}
