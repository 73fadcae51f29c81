package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// A mutant is one fault.
type mutant struct {
	id       int
	file     string // relative to the root
	line     int
	function string
	change   string // as "negated: a < b"
	fate     fate
}

// String identifies the mutant in a report and, without its line, in
// equivalent.txt.
func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d %s %s", m.file, m.line, m.function, m.change)
}

func (m *mutant) key() string { return m.file + " " + m.function + " " + m.change }

func (m *mutant) room() string {
	room, _, _ := cut(m.file)
	return room
}

// cut splits a path before the name of the file.
func cut(file string) (dir, name string, ok bool) {
	i := strings.LastIndexByte(file, '/')
	if i < 0 {
		return ".", file, false
	}
	return file[:i], file[i+1:], true
}

// finder finds the places in one file where a fault can be made.
type finder struct {
	fset     *token.FileSet
	info     *types.Info
	pkg      *types.Package
	imports  map[string]string // path to name, as in the file
	source   []byte
	file     string
	function string
	negated  map[ast.Expr]bool
	next     func() int
	mutants  []*mutant
	edits    edits
}

// add makes a mutant of the change at node.
func (f *finder) add(node ast.Node, what string) int {
	m := &mutant{id: f.next(), file: f.file, line: f.fset.Position(node.Pos()).Line, function: f.function}
	m.change = what + ": " + oneLine(f.text(node))
	f.mutants = append(f.mutants, m)
	return m.id
}

func (f *finder) text(node ast.Node) string {
	return string(f.source[f.offset(node.Pos()):f.offset(node.End())])
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 90 {
		s = s[:90] + "…"
	}
	return s
}

// wrap puts text around a node.
func (f *finder) wrap(node ast.Node, before, after string) {
	f.edits.wrap(f.offset(node.Pos()), f.offset(node.End()), before, after)
}

// find walks a file.
func (f *finder) find(file *ast.File) {
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			f.function = functionName(decl)
			if decl.Body != nil {
				f.walk(decl.Body)
			}
		case *ast.GenDecl:
			f.function = "-"
			if decl.Tok == token.VAR {
				f.walk(decl)
			}
		}
	}
}

func functionName(decl *ast.FuncDecl) string {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return decl.Name.Name
	}
	t := decl.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name + "." + decl.Name.Name
	}
	return decl.Name.Name
}

// walk makes the mutants below node.
func (f *finder) walk(node ast.Node) {
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok == token.VAR // a constant must stay one; its uses are changed
		case *ast.BlockStmt:
			f.statements(n.List)
		case *ast.CaseClause:
			f.statements(n.Body)
		case *ast.CommClause:
			f.statements(n.Body)
		case *ast.TypeSwitchStmt:
			f.walk(n.Body)
			return false
		case *ast.IfStmt:
			f.negate(n.Cond)
		case *ast.ForStmt:
			if n.Cond != nil {
				f.negate(n.Cond)
			}
		case *ast.CompositeLit:
			f.elements(n)
			return false
		case ast.Expr:
			return f.expression(n)
		}
		return true
	})
}

// elements walks a composite literal. Only a map has keys that need not be
// constant.
func (f *finder) elements(literal *ast.CompositeLit) {
	t := f.info.TypeOf(literal).Underlying()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem().Underlying()
	}
	_, isMap := t.(*types.Map)
	for _, element := range literal.Elts {
		kv, ok := element.(*ast.KeyValueExpr)
		switch {
		case !ok:
			f.walk(element)
		case isMap:
			f.walk(kv.Key)
			f.walk(kv.Value)
		default:
			f.walk(kv.Value)
		}
	}
}

// statements makes mutants that leave a statement out.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if panics(s.X) {
				continue // after which a result may be missing
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE || blank(s.Lhs) {
				continue
			}
		case *ast.IncDecStmt, *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt:
		default:
			continue
		}
		f.wrap(s, fmt.Sprintf("if !mutant__(%d) { ", f.add(s, "left out")), " }")
	}
}

func panics(x ast.Expr) bool {
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := call.Fun.(*ast.Ident)
	return ok && name.Name == "panic"
}

func blank(list []ast.Expr) bool {
	for _, e := range list {
		if name, ok := e.(*ast.Ident); !ok || name.Name != "_" {
			return false
		}
	}
	return true
}

// negate makes a mutant of a condition, once.
func (f *finder) negate(cond ast.Expr) {
	if f.negated[cond] || f.info.Types[cond].Value != nil || !plainBool(f.info.TypeOf(cond)) {
		return
	}
	f.negated[cond] = true
	f.wrap(cond, "((", fmt.Sprintf(") != mutant__(%d))", f.add(cond, "negated")))
}

func plainBool(t types.Type) bool {
	b, ok := t.(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

// expression makes mutants of e and reports whether there may be more in it.
func (f *finder) expression(e ast.Expr) bool {
	t := f.info.Types[e]
	switch {
	case t.IsType():
		return false
	case t.Value != nil:
		f.constant(e, t)
		return false
	}
	switch e := e.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			f.negate(e)
		}
	case *ast.BinaryExpr:
		f.binary(e)
	}
	return true
}

// constant makes a mutant of a number or of true and false.
func (f *finder) constant(e ast.Expr, t types.TypeAndValue) {
	switch t.Value.Kind() {
	case constant.Bool:
		if plainBool(t.Type) {
			f.wrap(e, "(", fmt.Sprintf(" != mutant__(%d))", f.add(e, "turned round")))
		}
	case constant.Int, constant.Float:
		basic, ok := t.Type.Underlying().(*types.Basic)
		if !ok || basic.Info()&types.IsNumeric == 0 || basic.Info()&types.IsUntyped != 0 || basic.Info()&types.IsComplex != 0 {
			return
		}
		name, ok := f.typeName(t.Type)
		if !ok {
			return
		}
		more := "more__"
		if name == "time.Duration" {
			more = "longer__" // by a fifth
		}
		f.wrap(e, fmt.Sprintf("%s[%s](%d, ", more, name, f.add(e, "more")), ")")
	}
}

// typeName returns how the file names a type.
func (f *finder) typeName(t types.Type) (name string, ok bool) {
	ok = true
	name = types.TypeString(t, func(p *types.Package) string {
		if p == f.pkg {
			return ""
		}
		local, imported := f.imports[p.Path()]
		ok = ok && imported
		return local
	})
	return name, ok
}

// swaps are the operators, the function that has each and what becomes of it.
var swaps = map[token.Token]struct{ function, into string }{
	token.ADD: {"add__", "-"}, token.SUB: {"sub__", "+"}, token.MUL: {"mul__", "/"}, token.QUO: {"quo__", "*"}, token.REM: {"rem__", "*"},
	token.AND: {"and__", "|"}, token.OR: {"or__", "&"},
	token.LSS: {"lss__", "<="}, token.LEQ: {"leq__", "<"}, token.GTR: {"gtr__", ">="}, token.GEQ: {"geq__", ">"},
}

func (f *finder) binary(e *ast.BinaryExpr) {
	switch e.Op {
	case token.EQL, token.NEQ:
		f.negate(e)
		return
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		f.negate(e)
	case token.LAND, token.LOR:
		if !plainBool(f.info.TypeOf(e)) {
			return
		}
		function, into := "andThen__", "||"
		if e.Op == token.LOR {
			function, into = "orElse__", "&&"
		}
		f.call(e, function, into, ", func() bool { return (", ") })") // the operand may be on the next line
		return
	}
	swap, ok := swaps[e.Op]
	basic, isBasic := f.info.TypeOf(e.X).Underlying().(*types.Basic)
	if !ok || !isBasic || basic.Info()&types.IsComplex != 0 || basic.Info()&types.IsNumeric == 0 && !ordered(e.Op, basic) {
		return
	}
	f.call(e, swap.function, swap.into, ", ", ")")
}

// ordered reports whether op compares strings.
func ordered(op token.Token, basic *types.Basic) bool {
	compares := op == token.LSS || op == token.LEQ || op == token.GTR || op == token.GEQ
	return compares && basic.Info()&types.IsString != 0
}

// call makes a call of the operator.
func (f *finder) call(e *ast.BinaryExpr, function, into, between, after string) {
	id := f.add(e, e.Op.String()+" into "+into)
	f.wrap(e, fmt.Sprintf("%s(%d, ", function, id), after)
	from := f.offset(e.OpPos)
	f.edits.replace(from, from+len(e.Op.String()), between)
}
