package delta

// AppendDecimal is appendDecimal for tests.
var AppendDecimal = appendDecimal
