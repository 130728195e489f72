import Commands
import Testing

/// Lists as they are printed.
struct TextTableTests {
    private func table(_ headings: [String], _ rows: [[String]]) -> String {
        var table = TextTable(headings)
        table.rows = rows
        return table.rendered()
    }

    @Test func columnsAreAsWideAsTheirWidestCell() {
        #expect(
            table(["LEAF", "GPU", "STATE"], [["MIG-1", "0", "free"], ["MIG-22222", "10", "held"]]) == """
                LEAF       GPU  STATE
                MIG-1      0    free
                MIG-22222  10   held
                """)
    }

    @Test func noSpacesAtTheEndOfALine() {
        #expect(
            table(["A", "HOLDER"], [["1", ""], ["2", "anna"], ["", ""]]) == """
                A  HOLDER
                1
                2  anna

                """)
    }

    @Test func headingsAlone() {
        #expect(table(["A", "B"], []) == "A  B")
        #expect(table([], []) == "")
    }

    /// Columns are counted in characters, not in bytes.
    @Test func lettersOfOtherAlphabets() {
        #expect(
            table(["NAME", "X"], [["Jürgen", "1"], ["e\u{301}", "2"], ["anna", "3"]]) == """
                NAME    X
                Jürgen  1
                e\u{301}       2
                anna    3
                """)
    }

    /// A cell is the user's own text: what leads a line stays.
    @Test func spacesInCellsStay() {
        #expect(table(["A", "B"], [["  x", "a b"]]) == "A    B\n  x  a b")
    }
}
