package expr

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// textArguments are the functions that take texts as they are: other values are not written out for them.
var textArguments = " soundex parse_json try_parse_json get_json_object json_array_length json_object_keys mask parse_url try_parse_url str_to_map "

// noText are the functions whose first argument is not read from a text.
var noText = " unix_date unix_seconds unix_millis unix_micros timestamp_seconds timestamp_millis timestamp_micros "

// mixed are the functions of several values that make no number of a text among them.
var mixed = " greatest least "

// nullOfNull are functions that are null where any argument is, an untyped one too, and the types of their results.
var nullOfNull = map[string]batch.Type{"date_format": batch.StringType, "from_unixtime": batch.StringType, "to_timestamp": batch.TimestampType, "regexp_extract": batch.StringType,
	"regexp_replace": batch.StringType, "regexp_count": batch.IntType, "split": batch.ArrayType(batch.StringType, false), "encode": batch.BinaryType,
	"array_join": batch.StringType, "to_json": batch.StringType, "to_csv": batch.StringType}

// strictArguments refuses arguments that the rest of the language would bring to the wanted type, and these functions do not.
func (b *binder) strictArguments(name string, c *parse.Call, args []*node) error {
	is := func(set string) bool { return strings.Contains(set, " "+name+" ") }
	switch {
	case is(textArguments):
		for i, a := range args {
			if k := a.t.Kind; k != batch.String && k != batch.Void && k != batch.Binary {
				return b.mismatch(c.Args[i], "%s takes texts, this is of type %s", name, clip(a.t.String()))
			}
		}
	case is(noText) && len(args) > 0 && args[0].t.Kind == batch.String:
		return b.mismatch(c.Args[0], "%s takes no text; cast it", name)
	case is(mixed):
		text, other := false, false
		for _, a := range args {
			text = text || a.t.Kind == batch.String
			other = other || a.t.Kind != batch.String && a.t.Kind != batch.Void
		}
		if text && other {
			return b.mismatch(c, "%s takes values of one kind; cast the texts among them", name)
		}
	}
	return nil
}
