package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
)

// Nullable is an argument or result of a row function that may be null. A function that takes a plain type is not called for rows in which
// that argument is null: they are null.
type Nullable[T any] struct {
	Value T
	Valid bool // it is not null
}

// Function1 makes a function of one argument out of one of rows, as a flow's Function takes it. Types are bool (BOOLEAN), int32 (INT),
// int and int64 (BIGINT), float32 (FLOAT), float64 (DOUBLE), string (STRING), []byte (BINARY, lent for the call), time.Time (TIMESTAMP),
// and Nullable of each; others are refused when the function is added. An error or a panic fails the row that it
// comes of, under its own class if it is a *supervision.Failure, else FAILED_EXECUTE_UDF.
func Function1[A, R any](name string, f func(A) (R, error)) UserFunction {
	a, r := takes[A](), gives[R]()
	return rowFunction(name, r.of, []taker{a.taker}, func(x *rows, i int) error {
		v, err := f(a.get(x, 0, i))
		if err == nil {
			r.put(x.b, v)
		}
		return err
	})
}

// Function2 is [Function1] of two arguments.
func Function2[A, B, R any](name string, f func(A, B) (R, error)) UserFunction {
	a, b, r := takes[A](), takes[B](), gives[R]()
	return rowFunction(name, r.of, []taker{a.taker, b.taker}, func(x *rows, i int) error {
		v, err := f(a.get(x, 0, i), b.get(x, 1, i))
		if err == nil {
			r.put(x.b, v)
		}
		return err
	})
}

// Function3 is [Function1] of three arguments.
func Function3[A, B, C, R any](name string, f func(A, B, C) (R, error)) UserFunction {
	a, b, c, r := takes[A](), takes[B](), takes[C](), gives[R]()
	return rowFunction(name, r.of, []taker{a.taker, b.taker, c.taker}, func(x *rows, i int) error {
		v, err := f(a.get(x, 0, i), b.get(x, 1, i), c.get(x, 2, i))
		if err == nil {
			r.put(x.b, v)
		}
		return err
	})
}

// taker is the type of an argument, invalid if there is none for the type in Go.
type taker struct {
	of       batch.Type
	nullable bool
}

// taking reads an argument of a row.
type taking[A any] struct {
	taker
	get func(x *rows, k, i int) A
}

// giving appends a result.
type giving[R any] struct {
	of  batch.Type
	put func(b *batch.Builder, v R)
}

// flat is how values of one type in Go are read and appended.
type flat[T any] struct {
	of  batch.Type
	get func(x *rows, k, i int) T
	put func(b *batch.Builder, v T)
}

var (
	flatBool   = flat[bool]{batch.BooleanType, func(x *rows, k, i int) bool { return x.a[k].c.Bool(i & x.a[k].mask()) }, (*batch.Builder).Bool}
	flatInt32  = flat[int32]{batch.IntType, func(x *rows, k, i int) int32 { return x.i32(k, i) }, (*batch.Builder).Int32}
	flatInt64  = flat[int64]{batch.BigIntType, func(x *rows, k, i int) int64 { return x.i64(k, i) }, (*batch.Builder).Int64}
	flatInt    = flat[int]{batch.BigIntType, func(x *rows, k, i int) int { return int(x.i64(k, i)) }, func(b *batch.Builder, v int) { b.Int64(int64(v)) }}
	flatFloat  = flat[float32]{batch.FloatType, func(x *rows, k, i int) float32 { return x.a[k].c.F32[i&x.a[k].mask()] }, (*batch.Builder).Float32}
	flatDouble = flat[float64]{batch.DoubleType, func(x *rows, k, i int) float64 { return x.f64(k, i) }, (*batch.Builder).Float64}
	flatString = flat[string]{batch.StringType, func(x *rows, k, i int) string { return string(x.str(k, i)) }, (*batch.Builder).String}
	flatBytes  = flat[[]byte]{batch.BinaryType, func(x *rows, k, i int) []byte { return x.str(k, i) }, (*batch.Builder).Bytes}
	flatTime   = flat[time.Time]{batch.TimestampType, func(x *rows, k, i int) time.Time { return time.UnixMicro(x.i64(k, i)).UTC() }, func(b *batch.Builder, v time.Time) { b.Int64(v.UnixMicro()) }}
)

// takes returns how an argument of a type is read; the cases below are all that there are.
func takes[A any]() taking[A] {
	for _, how := range []any{
		plainly(flatBool), plainly(flatInt32), plainly(flatInt64), plainly(flatInt), plainly(flatFloat), plainly(flatDouble), plainly(flatString), plainly(flatBytes), plainly(flatTime),
		maybe(flatBool), maybe(flatInt32), maybe(flatInt64), maybe(flatInt), maybe(flatFloat), maybe(flatDouble), maybe(flatString), maybe(flatBytes), maybe(flatTime)} {
		if t, ok := how.(taking[A]); ok {
			return t
		}
	}
	return taking[A]{}
}

func plainly[T any](f flat[T]) taking[T] { return taking[T]{taker{of: f.of}, f.get} }

func maybe[T any](f flat[T]) taking[Nullable[T]] {
	return taking[Nullable[T]]{taker{f.of, true}, func(x *rows, k, i int) (v Nullable[T]) {
		if !x.a[k].null(i) {
			v = Nullable[T]{f.get(x, k, i), true}
		}
		return v
	}}
}

// gives returns how a result of a type is appended.
func gives[R any]() giving[R] {
	for _, how := range []any{
		giving[bool]{flatBool.of, flatBool.put}, giving[int32]{flatInt32.of, flatInt32.put}, giving[int64]{flatInt64.of, flatInt64.put}, giving[int]{flatInt.of, flatInt.put},
		giving[float32]{flatFloat.of, flatFloat.put}, giving[float64]{flatDouble.of, flatDouble.put}, giving[string]{flatString.of, flatString.put},
		giving[[]byte]{flatBytes.of, flatBytes.put}, giving[time.Time]{flatTime.of, flatTime.put},
		orNull(flatBool), orNull(flatInt32), orNull(flatInt64), orNull(flatInt), orNull(flatFloat), orNull(flatDouble), orNull(flatString), orNull(flatBytes), orNull(flatTime)} {
		if g, ok := how.(giving[R]); ok {
			return g
		}
	}
	return giving[R]{}
}

func orNull[T any](f flat[T]) giving[Nullable[T]] {
	return giving[Nullable[T]]{f.of, func(b *batch.Builder, v Nullable[T]) {
		if v.Valid {
			f.put(b, v.Value)
		} else {
			b.Null()
		}
	}}
}

// rowForm is a user's function of rows.
type rowForm struct {
	result batch.Type
	args   []taker
	call   func(x *rows, i int) error // appends a result, or returns an error
}

func rowFunction(name string, result batch.Type, args []taker, call func(x *rows, i int) error) UserFunction {
	return UserFunction{Name: name, rows: &rowForm{result, args, call}}
}

// check says what is wrong with the types of a row form.
func (f *rowForm) check(name string) error {
	wrong := f.result.Kind == batch.Invalid
	for _, a := range f.args {
		wrong = wrong || a.of.Kind == batch.Invalid
	}
	if wrong {
		return supervision.New(supervision.Fatal, "INVALID_FUNCTION", "function %s takes or gives a type that rows do not have: there are bool, int32, int, int64, float32, float64, string, []byte, time.Time, and Nullable of each", name)
	}
	return nil
}

// userRows binds a call of a user's function of rows.
func (b *binder) userRows(f *UserFunction, c *parse.Call, args []*node) (*node, error) {
	name := strings.ToLower(f.Name)
	if len(args) != len(f.rows.args) {
		return nil, b.fail(c, "WRONG_NUM_ARGS", "%s takes %d arguments, not %d", name, len(f.rows.args), len(args))
	}
	for k, a := range f.rows.args {
		if err := b.to(a.of, c, args, k); err != nil {
			return nil, err
		}
	}
	n := b.call(name, f.rows.result, rowsOf(f.rows.result, func(x *rows, i int) {
		for k, a := range f.rows.args {
			if !a.nullable && x.a[k].null(i) {
				x.b.Null()
				return
			}
		}
		if err := f.rows.guarded(x, i); err != nil {
			class := "FAILED_EXECUTE_UDF"
			var known *supervision.Failure
			if errors.As(err, &known) {
				class = known.Class
			}
			x.fail(i, class, fmt.Sprintf("function %s: %v", name, err), nil)
		}
	}), args...)
	n.volatile, n.fails, n.nullable = f.Volatile, true, true
	return b.intern(n, ""), nil
}

// guarded calls the function; a panic of it is an error.
func (f *rowForm) guarded(x *rows, i int) (err error) {
	before := x.b.Len()
	defer func() {
		if p := recover(); p != nil {
			x.b.Truncate(before)
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f.call(x, i)
}
