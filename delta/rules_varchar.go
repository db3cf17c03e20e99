package delta

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// metaCharacters is in what a column of strings says that it is CHAR(n) or VARCHAR(n).
const metaCharacters = "__CHAR_VARCHAR_TYPE_STRING"

// ClassTooLong is the class of the error of a string that has more characters than its column.
const ClassTooLong = "EXCEED_LIMIT_LENGTH"

// characters binds the length of a CHAR or VARCHAR column. Values of CHAR are not padded: who reads them as such does that.
func (r *rules) characters(f batch.Field, raw json.RawMessage) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return refuseRule("type of the column "+f.Name, string(raw), err)
	}
	if !strings.Contains(text, "char(") {
		return nil
	}
	var n int
	if _, err := fmt.Sscanf(strings.TrimPrefix(text, "var"), "char(%d)", &n); err != nil || n < 1 || f.Type.Kind != batch.String {
		return refuseRule("type of the column "+f.Name, text, nil)
	}
	quoted := "`" + strings.ReplaceAll(f.Name, "`", "``") + "`"
	return r.check(ClassTooLong, fmt.Sprintf("length of the column %s, %s", f.Name, text), fmt.Sprintf("%s IS NULL OR length(%[1]s) <= %d", quoted, n))
}
