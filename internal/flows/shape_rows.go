package flows

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/stream"
)

// Shapes without state: each row becomes none, one or several.

// joined joins with a table that has some keys twice, some not, and a null.
func joined(d *draw, _ *data) shape {
	kind := pick(d, operators.InnerJoin, operators.LeftJoin, operators.SemiJoin, operators.AntiJoin)
	more := d.chance(2)
	d.note("verb join " + string(kind))
	on := "t.k = dim.k"
	if more {
		on += " AND dim.w < t.v"
	}
	table := newDimension(pick(d, 3, 30, 150))
	columns := []string{"t.id AS id", "t.k AS k"}
	query := "SELECT id, k FROM t WHERE EXISTS (SELECT 1 FROM dim WHERE " + on + ")"
	switch kind {
	case operators.AntiJoin:
		query = strings.Replace(query, "EXISTS", "NOT EXISTS", 1)
	case operators.InnerJoin, operators.LeftJoin:
		columns = append(columns, "dim.w AS w")
		query = "SELECT t.id, t.k, dim.w FROM t " + map[bool]string{true: "LEFT"}[kind == operators.LeftJoin] + " JOIN dim ON " + on
	}
	return shape{name: "static join", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return f.As("t").JoinStatic("dim", table, stream.JoinOptions{Type: kind, On: on}).Select(columns...)
		},
		query: "WITH dim(k, w) AS (VALUES " + table.values() + ") " + query}
}

// exploded makes rows of arrays, some of which are null.
func exploded(d *draw, _ *data) shape {
	outer, places := d.chance(2), d.chance(2)
	verb := map[[2]bool]func(*stream.Frame, string, ...string) *stream.Frame{
		{false, false}: (*stream.Frame).Explode, {false, true}: (*stream.Frame).PosExplode,
		{true, false}: (*stream.Frame).ExplodeOuter, {true, true}: (*stream.Frame).PosExplodeOuter}[[2]bool{outer, places}]
	place, columns, query := "", []string{"id", "col"}, "SELECT id, %sunnest([v, g, id]) AS col FROM t WHERE v > 10"
	if places {
		d.note("verb posexplode")
		place, columns = "unnest([0, 1, 2]) AS pos, ", []string{"id", "pos", "col"}
	}
	query = fmt.Sprintf(query, place)
	if outer {
		d.note("verb explode outer")
		query += " UNION ALL SELECT id, " + strings.Repeat("NULL, ", len(columns)-2) + "NULL FROM t WHERE v <= 10 OR v IS NULL"
	}
	return shape{name: "explode", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return verb(f.Select("id", "CASE WHEN v > 10 THEN array(v, g, id) END AS a"), "a").Select(columns...)
		},
		query: query}
}

func filled(d *draw, _ *data) shape {
	return shape{name: "fillna", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return f.FillNA("none").FillNAWith(map[string]any{"v": 7, "x": 1.5}).Select("id", "k", "v", "x", "ts")
		},
		query: "SELECT id, coalesce(k, 'none'), coalesce(v, 7), coalesce(x, 1.5::DECIMAL(10,2)), ts FROM t"}
}

func dropped(d *draw, _ *data) shape {
	s := shape{name: "dropna", mode: stream.Append}
	there := "(k IS NOT NULL)::INT + (v IS NOT NULL)::INT + (x IS NOT NULL)::INT"
	least := 1 + d.IntN(3)
	s.build = func(f *stream.Frame) *stream.Frame {
		switch least {
		case 1:
			f = f.DropNA("all", "k", "v", "x")
		case 2:
			f = f.DropNALess(least, "k", "v", "x")
		default:
			f = f.DropNA("any", "k", "v", "x")
		}
		return f.Select("id", "k", "v", "x")
	}
	s.query = fmt.Sprintf("SELECT id, k, v, x FROM t WHERE %s >= %d", there, least)
	return s
}

// byName puts branches together of which each lacks a column of the other.
func byName(d *draw, _ *data) shape {
	return shape{name: "unionByName", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			return f.Where("g < 3").Select("id", "k", "v").UnionByName(true, f.Where("g > 0").Select("x", "id", "v"))
		},
		query: "SELECT id, k, v, NULL::DECIMAL(10,2) FROM t WHERE g < 3 UNION ALL SELECT id, NULL, v, x FROM t WHERE g > 0"}
}

// event is a row as a Go value.
type event struct {
	ID int64
	K  *string
	G  int64
	V  *int64
}

// functions runs Go functions over rows.
func functions(*draw, *data) shape {
	type part struct {
		ID, Number int64
		Key        string
	}
	return shape{name: "functions over rows", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame {
			kept := stream.Filter(stream.Typed[event](f), func(e event) bool { return e.V != nil && *e.V >= 0 })
			parts := stream.FlatMap(kept, func(e event, emit func(part)) {
				for i := range e.G {
					emit(part{e.ID, i, textOf(e.K)})
				}
			})
			return stream.Map(parts, func(p part) part { p.Number *= 10; return p }).Frame()
		},
		query: "SELECT id, n * 10, coalesce(k, 'NULL') FROM (SELECT id, k, unnest(range(g)) AS n FROM t WHERE v >= 0)"}
}

// batches runs a Go function over batches.
func batches(*draw, *data) shape {
	out := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType}, batch.Field{Name: "twice", Type: batch.BigIntType, Nullable: true})
	function := func(in *batch.Batch, pool *batch.Pool) (*batch.Batch, error) {
		id, twice, n := batch.NewBuilder(batch.BigIntType, pool), batch.NewBuilder(batch.BigIntType, pool), 0
		defer id.Release()
		defer twice.Release()
		for i := range in.Rows() {
			at := in.Row(i)
			if in.Columns[0].I64[at]%3 == 0 {
				continue
			}
			n++
			id.Int64(in.Columns[0].I64[at])
			if in.Columns[1].IsNull(at) {
				twice.Null()
			} else {
				twice.Int64(2 * in.Columns[1].I64[at])
			}
		}
		if n == 0 {
			return nil, nil
		}
		return batch.NewBatch(out, n, id.Finish(), twice.Finish()), nil
	}
	return shape{name: "function over batches", mode: stream.Append,
		build: func(f *stream.Frame) *stream.Frame { return f.Select("id", "v").MapBatches(out, function) },
		query: "SELECT id, 2 * v FROM t WHERE id % 3 <> 0"}
}
