package flowfile

import (
	"slices"
	"strconv"

	"github.com/deltaic/deltaic/stream"
)

// verb applies one item of do: k is its name, arg its argument.
type verb func(b *builder, d *stream.Frame, k, arg *value) (*stream.Frame, error)

// verbs are those of the grammar. They are methods of a builder, so that the list cannot be
// written down before they are.
func verbs() map[string]verb {
	return map[string]verb{
		"select": list((*stream.Frame).Select), "drop": list((*stream.Frame).Drop), "where": text((*stream.Frame).Where), "filter": text((*stream.Frame).Where),
		"withColumn": pairs((*stream.Frame).WithColumn), "withColumnRenamed": pairs((*stream.Frame).WithColumnRenamed),
		"union": (*builder).union, "repartition": (*builder).repartition, "fillna": (*builder).fillna, "dropna": (*builder).dropna,
		"sort": list((*stream.Frame).Sort), "orderBy": list((*stream.Frame).Sort), "limit": (*builder).limit,
		"explode": exploding((*stream.Frame).Explode), "posexplode": exploding((*stream.Frame).PosExplode),
		"watermark": (*builder).watermark, "aggregate": (*builder).aggregate, "distinct": (*builder).distinct,
		"dropDuplicates": dedup((*stream.Frame).DropDuplicates), "dropDuplicatesWithinWatermark": dedup((*stream.Frame).DropDuplicatesWithinWatermark),
		"expect": (*builder).expect, "expectFrom": (*builder).expectFrom, "observe": (*builder).observe,
		"expect_or_drop": expecting(stream.Drop), "expect_or_fail": expecting(stream.Fail), "expect_or_quarantine": expecting(stream.Quarantine),
		"expect_all": expecting(stream.Warn), "expect_all_or_drop": expecting(stream.Drop), "expect_all_or_fail": expecting(stream.Fail),
		"expect_all_or_quarantine": expecting(stream.Quarantine),
		"keepLatest":               (*builder).keepLatest, "topN": (*builder).topN, "join": (*builder).join,
	}
}

// verb applies an item of do.
func (b *builder) verb(d *stream.Frame, v *value) (*stream.Frame, error) {
	if v.kind == scalar && v.text == "distinct" {
		return b.distinct(d, v, &value{kind: null})
	}
	if v.kind != mapping || len(v.keys) != 1 {
		return nil, v.fail("INVALID_FLOW_FILE", "each item of do is one verb with its argument, such as {where: \"a > 1\"}")
	}
	k, arg := v.keys[0], v.values[0]
	all := verbs()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	if err := v.only("do", names...); err != nil {
		return nil, err
	}
	return all[k.text](b, d, k, arg)
}

// list is a verb of texts.
func list(apply func(*stream.Frame, ...string) *stream.Frame) verb {
	return func(_ *builder, d *stream.Frame, k, arg *value) (*stream.Frame, error) {
		texts, err := arg.strs(k.text)
		if err != nil {
			return nil, err
		}
		return apply(d, texts...), nil
	}
}

// text is a verb of one text.
func text(apply func(*stream.Frame, string) *stream.Frame) verb {
	return func(_ *builder, d *stream.Frame, k, arg *value) (*stream.Frame, error) {
		s, err := arg.str(k.text)
		if err != nil {
			return nil, err
		}
		return apply(d, s), nil
	}
}

// pairs is a verb of names with a text each, applied in order.
func pairs(apply func(d *stream.Frame, name, text string) *stream.Frame) verb {
	return func(_ *builder, d *stream.Frame, k, arg *value) (*stream.Frame, error) {
		texts, err := arg.options(k.text)
		if err != nil {
			return nil, err
		}
		for _, key := range arg.keys {
			d = apply(d, key.text, texts[key.text])
		}
		return d, nil
	}
}

// exploding is explode or posexplode: a collection and the names of what it makes.
func exploding(apply func(d *stream.Frame, collection string, names ...string) *stream.Frame) verb {
	return func(_ *builder, d *stream.Frame, k, arg *value) (*stream.Frame, error) {
		if arg.kind == scalar {
			return apply(d, arg.text), nil
		}
		if err := arg.only(k.text, "of", "as"); err != nil {
			return nil, err
		}
		of, err := arg.need(k, "of")
		if err != nil {
			return nil, err
		}
		names, err := arg.texts("as")
		if err != nil {
			return nil, err
		}
		return apply(d, of, names...), nil
	}
}

func (b *builder) union(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	names, err := arg.strs(k.text)
	if err != nil {
		return nil, err
	}
	var others []*stream.Frame
	for _, n := range names {
		if b.frames[n] == nil {
			return nil, arg.fail("TABLE_OR_VIEW_NOT_FOUND", "union with %q, which is neither a source nor a step before it", n)
		}
		others = append(others, b.frames[n])
	}
	return d.Union(others...), nil
}

func (b *builder) repartition(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if err := arg.only(k.text, "by"); err != nil {
		return nil, err
	}
	by, err := arg.texts("by")
	if err != nil {
		return nil, err
	}
	return d.Repartition(by...), nil
}

// fillna is a value for every column that it fits, or a value a column.
func (b *builder) fillna(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	if arg.kind == scalar {
		return d.FillNA(typed(arg)), nil
	}
	if arg.kind != mapping {
		return nil, arg.fail("INVALID_FLOW_FILE", "%s is %s; a value, or a mapping of columns to values, is wanted", k.text, arg.kind)
	}
	values := map[string]any{}
	for i, key := range arg.keys {
		if arg.values[i].kind != scalar {
			return nil, arg.values[i].fail("INVALID_FLOW_FILE", "%s.%s is %s; a value is wanted", k.text, key.text, arg.values[i].kind)
		}
		values[key.text] = typed(arg.values[i])
	}
	return d.FillNAWith(values), nil
}

// typed returns the number or boolean that an unquoted value is, else its text.
func typed(v *value) any {
	if v.quoted {
		return v.text
	}
	if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(v.text, 64); err == nil {
		return f
	}
	if t, err := strconv.ParseBool(v.text); err == nil {
		return t
	}
	return v.text
}

// dropna is "any" or "all", the columns that must have a value, or both and more.
func (b *builder) dropna(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	switch arg.kind {
	case scalar:
		return d.DropNA(arg.text), nil
	case sequence:
		columns, err := arg.strs(k.text)
		return d.DropNA("any", columns...), err
	}
	if err := arg.only(k.text, "how", "thresh", "subset"); err != nil {
		return nil, err
	}
	columns, err := arg.texts("subset")
	if err != nil {
		return nil, err
	}
	if least := arg.get("thresh"); least != nil {
		n, err := least.integer("thresh")
		return d.DropNALess(n, columns...), err
	}
	how, err := arg.optional("how")
	return d.DropNA(how, columns...), err
}

func (b *builder) limit(d *stream.Frame, k, arg *value) (*stream.Frame, error) {
	n, err := arg.integer(k.text)
	if err != nil {
		return nil, err
	}
	return d.Limit(int64(n)), nil
}

// need returns the text of a key that must be there.
func (v *value) need(verb *value, key string) (string, error) {
	at := v.get(key)
	if at == nil {
		return "", v.fail("INVALID_FLOW_FILE", "%s has no %s", verb.text, key)
	}
	return at.str(key)
}

// optional returns the text of a key, "" if it is not there.
func (v *value) optional(key string) (string, error) {
	if at := v.get(key); at != nil {
		return at.str(key)
	}
	return "", nil
}

// texts returns the list of a key, nil if it is not there.
func (v *value) texts(key string) ([]string, error) {
	if at := v.get(key); at != nil {
		return at.strs(key)
	}
	return nil, nil
}
