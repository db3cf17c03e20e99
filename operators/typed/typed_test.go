package typed_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/operators/operatortest"
	"github.com/deltaic/deltaic/operators/typed"
)

type place struct {
	City string
	Zip  *int32
}

// everything has a field of each type.
type everything struct {
	Yes      bool
	I8       int8
	I16      int16
	I32      int32
	I64      int64
	I        int
	F32      float32
	F64      float64
	Text     string
	Raw      []byte
	At       time.Time
	Took     time.Duration
	Amount   batch.Int128 `deltaic:"the amount,decimal(12,2)"`
	Where    place
	Perhaps  *place
	Numbers  []int64
	Places   []place
	ByName   map[string]float64
	Optional *string
	hidden   int
	Left     chan int `deltaic:"-"`
}

func drawPlace(t *rapid.T) place {
	p := place{City: rapid.String().Draw(t, "city")}
	if rapid.Bool().Draw(t, "zip?") {
		z := rapid.Int32().Draw(t, "zip")
		p.Zip = &z
	}
	return p
}

func drawEverything(t *rapid.T) everything {
	e := everything{Yes: rapid.Bool().Draw(t, "bool"), I8: rapid.Int8().Draw(t, "i8"), I16: rapid.Int16().Draw(t, "i16"), I32: rapid.Int32().Draw(t, "i32"),
		I64: rapid.Int64().Draw(t, "i64"), I: rapid.Int().Draw(t, "i"), F32: rapid.Float32().Draw(t, "f32"), F64: rapid.Float64().Draw(t, "f64"),
		Text: rapid.String().Draw(t, "text"), At: time.UnixMicro(rapid.Int64Range(-1e15, 1e15).Draw(t, "at")).UTC(),
		Took:   time.Duration(rapid.Int64Range(-1e12, 1e12).Draw(t, "took")) * time.Microsecond,
		Amount: batch.Int128From(rapid.Int64Range(-1e11, 1e11).Draw(t, "amount")), Where: drawPlace(t)}
	if rapid.Bool().Draw(t, "some") {
		p, s := drawPlace(t), rapid.String().Draw(t, "optional")
		e.Perhaps, e.Optional, e.Raw = &p, &s, []byte(rapid.String().Draw(t, "raw"))
		e.Numbers, e.Places, e.ByName = []int64{}, []place{}, map[string]float64{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			e.Numbers = append(e.Numbers, rapid.Int64().Draw(t, "n"))
			e.Places = append(e.Places, drawPlace(t))
			e.ByName[rapid.String().Draw(t, "key")] = rapid.Float64().Draw(t, "value")
		}
	}
	return e
}

// Values come back from batches, in any selection, and from bytes as they were.
func TestValuesComeBack(t *testing.T) {
	schema, err := typed.SchemaOf[everything]()
	if err != nil {
		t.Fatal(err)
	}
	if s := schema.String(); !strings.HasPrefix(s, "yes boolean not null, i8 tinyint not null") || !strings.Contains(s, "the amount decimal(12,2)") ||
		!strings.HasSuffix(s, "places array<struct<city:string,zip:int>>, by_name map<string,double>, optional string") {
		t.Fatalf("schema %s", s)
	}
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		encoder, err := typed.NewEncoder[everything](pool)
		if err != nil {
			rt.Fatal(err)
		}
		decoder, err := typed.NewDecoder[everything](schema)
		if err != nil {
			rt.Fatal(err)
		}
		form, err := typed.NewBinary[everything]()
		if err != nil {
			rt.Fatal(err)
		}
		var values, want []everything
		for range rapid.IntRange(0, 5).Draw(rt, "values") {
			values = append(values, drawEverything(rt))
		}
		encoder.Add(values...)
		made := encoder.Finish()
		made.Sel = []int32{}
		for i, v := range values {
			if rapid.Bool().Draw(rt, "selected") {
				made.Sel = append(made.Sel, int32(i))
				want = append(want, v)
			}
			back, err := form.Read(form.Append(nil, &v))
			if err != nil {
				rt.Fatal(err)
			}
			if v.Raw != nil && len(v.Raw) == 0 || len(v.Numbers) == 0 { // what is empty is nil in state
				v.Raw, back.Raw, v.Numbers, v.Places, v.ByName, back.Numbers, back.Places, back.ByName = nil, nil, nil, nil, nil, nil, nil, nil
			}
			if !reflect.DeepEqual(back, v) {
				rt.Fatalf("from bytes %+v, was %+v", back, v)
			}
		}
		got := decoder.Decode(made, nil)
		made.Release()
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			rt.Fatalf("got %+v, want %+v", got, want)
		}
		if pool.Lent() != 0 {
			rt.Fatalf("%d columns leaked", pool.Lent())
		}
	})
}

// Bytes of state may be read by a later version of the type.
func TestTypesOfStateMayChange(t *testing.T) {
	type before struct {
		Count int32
		Sum   float32
		Gone  string
		Name  string
	}
	type after struct {
		Name  string
		New   []string
		Sum   float64
		Count int64
	}
	old, err := typed.NewBinary[before]()
	if err != nil {
		t.Fatal(err)
	}
	next, err := typed.NewBinary[after]()
	if err != nil {
		t.Fatal(err)
	}
	got, err := next.Read(old.Append(nil, &before{7, 2.5, "x", "n"}))
	if err != nil || !reflect.DeepEqual(got, after{Name: "n", Sum: 2.5, Count: 7}) {
		t.Fatalf("%+v, %v", got, err)
	}
	narrow, _ := typed.NewBinary[struct{ Count int8 }]()
	wide := int64(math.MaxInt64)
	if _, err := narrow.Read(next.Append(nil, &after{Count: wide})); err == nil {
		t.Fatal("a number that does not fit is taken")
	}
}

// Broken bytes are errors or other values, never a panic.
func TestBrokenBytesAreErrors(t *testing.T) {
	form, err := typed.NewBinary[everything]()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := drawEverything(rt)
		data := form.Append(nil, &v)
		for range 3 {
			data[rapid.IntRange(0, len(data)-1).Draw(rt, "at")] = rapid.Byte().Draw(rt, "byte")
		}
		_, _ = form.Read(data[:rapid.IntRange(0, len(data)).Draw(rt, "length")])
	})
}

// Any column that fits is taken, by a name that is near; others are refused with a sentence.
func TestColumnsThatFit(t *testing.T) {
	type order struct {
		OrderID int64
		Amount  float64
		On      time.Time
	}
	s := batch.NewSchema(batch.Field{Name: "extra", Type: batch.VariantType}, batch.Field{Name: "ORDER_ID", Type: batch.SmallIntType, Nullable: true},
		batch.Field{Name: "amount", Type: batch.FloatType}, batch.Field{Name: "on", Type: batch.DateType})
	d, err := typed.NewDecoder[order](s)
	if err != nil {
		t.Fatal(err)
	}
	id, amount, on := batch.NewBuilder(batch.SmallIntType, nil), batch.NewBuilder(batch.FloatType, nil), batch.NewBuilder(batch.DateType, nil)
	id.Int32(-3)
	id.Null()
	amount.Float32(1.5)
	amount.Float32(2)
	on.Int32(1)
	on.Int32(-1)
	in := batch.NewBatch(s, 2, nil, id.Finish(), amount.Finish(), on.Finish())
	got := d.Decode(in, nil)
	want := []order{{-3, 1.5, time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)}, {0, 2, time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)}}
	if !slices.Equal(got, want) || !slices.Equal(d.Columns(), []int{1, 2, 3}) {
		t.Fatalf("got %v of %v", got, d.Columns())
	}
	for _, c := range []struct {
		field batch.Field
		says  string
	}{
		{batch.Field{Name: "order_id", Type: batch.StringType}, "DATATYPE_MISMATCH"},
		{batch.Field{Name: "id", Type: batch.BigIntType}, "UNRESOLVED_COLUMN"},
	} {
		if _, err := typed.NewDecoder[order](batch.NewSchema(c.field, s.Fields[2], s.Fields[3])); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.field, err)
		}
	}
	if _, err := typed.NewDecoder[struct{ I int32 }](batch.NewSchema(batch.Field{Name: "i", Type: batch.BigIntType})); err == nil {
		t.Error("a bigint fits into an int32")
	}
}

func TestTypesThatAreRefused(t *testing.T) {
	type self struct{ Next []*self }
	for name, err := range map[string]error{
		"itself":    second(typed.SchemaOf[struct{ S self }]()),
		"a channel": second(typed.SchemaOf[struct{ C chan int }]()),
		"unsigned":  second(typed.SchemaOf[uint64]()),
		"nothing":   second(typed.SchemaOf[struct{}]()),
		"a decimal": second(typed.SchemaOf[struct{ A batch.Int128 }]()),
		"twice":     second(typed.SchemaOf[struct{ OrderID, Order_id int }]()),
		"a tag": second(typed.SchemaOf[struct {
			A int `deltaic:"a,what"`
		}]()),
	} {
		if err == nil || !strings.Contains(err.Error(), "UNSUPPORTED_GO_TYPE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

type number struct{ N int64 }

func numbers(pool *batch.Pool, n int) *batch.Batch {
	e, err := typed.NewEncoder[number](pool)
	if err != nil {
		panic(err)
	}
	for i := range n {
		e.Add(number{int64(i)})
	}
	b := e.Finish()
	b.Origin = &batch.Origin{Split: make([]int32, n), Offset: make([]int64, n)}
	return b
}

// A pipe of functions is one operator. A row on which one panics is rejected with all that became of it, alone.
func TestPipesRunAsOneOperator(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := batch.NewPool()
		in := numbers(pool, rapid.IntRange(1, 30).Draw(rt, "rows"))
		n := in.N
		rows, err := typed.Rows[number](in.Schema)
		if err != nil {
			rt.Fatal(err)
		}
		odd := typed.Filter(rows, func(v number) bool { return v.N%2 == 1 })
		twice := typed.FlatMap(odd, func(v number, emit func(string)) {
			emit(fmt.Sprint(v.N))
			if v.N%5 == 0 {
				panic("five")
			}
			emit(fmt.Sprint(-v.N))
		})
		long := typed.Map(twice, func(s string) struct{ Text string } { return struct{ Text string }{s + "!"} })
		out := operatortest.Check(t, operatortest.Kit{Rows: in, Pool: pool, Seed: rapid.Uint64().Draw(rt, "seed"), New: long.Operator})
		in.Release()
		var want []string
		for i := 1; i < n; i += 2 {
			if i%5 == 0 {
				want = append(want, fmt.Sprintf(`rejected {"n":%d}: function USER_FUNCTION_FAILED a function failed on the row: five ""`, i))
				continue
			}
			want = append(want, fmt.Sprintf(`{"text":"%d!"} 0`, i), fmt.Sprintf(`{"text":"%d!"} 0`, -i))
		}
		slices.Sort(want)
		if !slices.Equal(out, want) {
			rt.Fatalf("got %v, want %v", out, want)
		}
	})
}

// A function over batches is held to the columns that were declared.
func TestFunctionsOverBatchesAreChecked(t *testing.T) {
	schema := batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType})
	text := batch.NewConst(nil, batch.StringType, []byte("x"), 3)
	null := batch.NewBuilder(batch.BigIntType, nil)
	for range 3 {
		null.Null()
	}
	nulls := null.Finish()
	for says, f := range map[string]typed.BatchFunction{
		"": func(in *batch.Batch, _ *batch.Pool) (*batch.Batch, error) { return in.Retain(), nil },
		"2 columns": func(in *batch.Batch, _ *batch.Pool) (*batch.Batch, error) {
			return batch.NewBatch(nil, 3, in.Columns[0].Retain(), in.Columns[0].Retain()), nil
		},
		"as string": func(*batch.Batch, *batch.Pool) (*batch.Batch, error) {
			return batch.NewBatch(nil, 3, text.Retain()), nil
		},
		"nulls in column": func(*batch.Batch, *batch.Pool) (*batch.Batch, error) {
			return batch.NewBatch(nil, 3, nulls.Retain()), nil
		},
		"without 2 rows": func(in *batch.Batch, _ *batch.Pool) (*batch.Batch, error) {
			few := in.Retain()
			few.N = 2
			return few, nil
		},
	} {
		b := typed.NewBatches(schema, f)
		if err := b.Open(&operators.Context{}); err != nil {
			t.Fatal(err)
		}
		err := b.Process(numbers(nil, 3), 0, discard{})
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

type discard struct{ operators.Output }

func (discard) Emit(b *batch.Batch) error { return nil }

// show prints rows.
type show struct{ operators.Output }

func (show) Emit(b *batch.Batch) error {
	for _, r := range batchtest.Rows(b) {
		fmt.Println(r)
	}
	b.Release()
	return nil
}

// Orders above a limit, with their tax: decoded once and encoded once.
func ExamplePipe() {
	type order struct {
		ID    int64
		Cents int64
	}
	type taxed struct {
		ID  int64
		Tax float64
	}
	encoder, _ := typed.NewEncoder[order](nil)
	encoder.Add(order{1, 1000}, order{2, 50}, order{3, 2500})
	in := encoder.Finish()

	orders, err := typed.Rows[order](in.Schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	large := typed.Filter(orders, func(o order) bool { return o.Cents >= 100 })
	withTax := typed.Map(large, func(o order) taxed { return taxed{o.ID, float64(o.Cents) * 0.19} })
	step, err := withTax.Operator()
	if err == nil {
		err = step.Open(&operators.Context{})
	}
	if err == nil {
		err = step.Process(in, 0, show{})
	}
	fmt.Println(err)
	// Output:
	// {"id":1,"tax":190}
	// {"id":3,"tax":475}
	// <nil>
}

func BenchmarkPipe(b *testing.B) {
	pool := batch.NewPool()
	in := numbers(pool, 4096)
	rows, err := typed.Rows[number](in.Schema)
	if err != nil {
		b.Fatal(err)
	}
	step, err := typed.Map(typed.Filter(rows, func(v number) bool { return v.N%3 > 0 }), func(v number) number { return number{v.N * 2} }).Operator()
	if err != nil {
		b.Fatal(err)
	}
	if err := step.Open(&operators.Context{Pool: pool}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for range b.N {
		if err := step.Process(in, 0, release{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

type release struct{ operators.Output }

func (release) Emit(b *batch.Batch) error { b.Release(); return nil }
