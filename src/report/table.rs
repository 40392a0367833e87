//! Tables that fit a width: columns that matter less go first, then one column is shortened or wrapped.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, LineStyle, Row, Table, TableStyle, Width};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between columns, and before the first.
const GAP: usize = 2;

/// What a shortened or wrapped column keeps before others are dropped for it.
const LEGIBLE: usize = 20;

const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// What happens to a column where the table is too wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Narrow {
    Keep,
    /// The smallest number goes first.
    Drop(u8),
    /// Loses its middle.
    Shorten,
    Wrap,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub title: String,
    pub narrow: Narrow,
    /// Numbers stand on the right.
    pub number: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub text: String,
    pub color: Option<Color>,
}

impl From<String> for Field {
    fn from(text: String) -> Field {
        Field { text, color: None }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Field>>,
}

impl Grid {
    pub fn text(self, title: &str, narrow: Narrow) -> Grid {
        self.column(title, narrow, false)
    }

    pub fn number(self, title: &str, narrow: Narrow) -> Grid {
        self.column(title, narrow, true)
    }

    fn column(mut self, title: &str, narrow: Narrow, number: bool) -> Grid {
        self.columns.push(Column { title: title.to_owned(), narrow, number });
        self
    }

    /// Lines without trailing spaces, each at most `width` columns wide where its content allows it.
    pub fn render(mut self, width: usize, color: bool) -> String {
        let flexible = self.fit(width);
        let mut table = Table::new();
        table.load_style(STYLE).force_no_tty();
        if color {
            table.enforce_styling();
            table.style_text_only();
        }
        let bold = |column: &Column| Cell::new(&column.title).add_attribute(Attribute::Bold);
        table.set_header(self.columns.iter().map(bold).collect::<Vec<_>>());
        for row in &self.rows {
            let cell = |field: &Field| {
                let cell = Cell::new(&field.text);
                field.color.map_or(cell.clone(), |color| cell.fg(color))
            };
            table.add_row(Row::from(row.iter().map(cell).collect::<Vec<_>>()));
        }
        for (index, column) in self.columns.iter().enumerate() {
            let Some(shown) = table.column_mut(index) else { continue };
            let before = if index == 0 { 0 } else { GAP as u16 };
            shown.set_padding((before, 0));
            if column.number {
                shown.set_cell_alignment(CellAlignment::Right);
            }
            if let Some((at, room)) = flexible
                && at == index
                && column.narrow == Narrow::Wrap
            {
                shown.set_constraint(ColumnConstraint::Absolute(Width::Fixed(room as u16 + before)));
            }
        }
        let indent = " ".repeat(GAP);
        table.lines().map(|line| format!("{indent}{}\n", line.trim_end())).collect()
    }

    /// Drops and shortens. Gives the column that must wrap, and how wide it may be.
    fn fit(&mut self, width: usize) -> Option<(usize, usize)> {
        loop {
            let widths: Vec<usize> = (0..self.columns.len()).map(|index| self.natural(index)).collect();
            let total = widths.iter().map(|width| width + GAP).sum::<usize>();
            if total <= width {
                return None;
            }
            let flexible = self.columns.iter().position(|it| matches!(it.narrow, Narrow::Shorten | Narrow::Wrap));
            let room = flexible.map(|index| (index, (width + widths[index]).saturating_sub(total)));
            let expendable = self.columns.iter().enumerate().filter_map(|(index, column)| match column.narrow {
                Narrow::Drop(order) => Some((order, index)),
                Narrow::Keep | Narrow::Shorten | Narrow::Wrap => None,
            });
            match (room, expendable.min()) {
                (Some((index, room)), least) if room >= LEGIBLE || least.is_none() => {
                    let room = room.max(LEGIBLE / 2);
                    if self.columns[index].narrow == Narrow::Shorten {
                        self.rows.iter_mut().for_each(|row| row[index].text = shorten(&row[index].text, room));
                    }
                    return Some((index, room));
                }
                (_, Some((_, least))) => self.remove(least),
                (_, None) => return None,
            }
        }
    }

    fn remove(&mut self, index: usize) {
        self.columns.remove(index);
        for row in &mut self.rows {
            row.remove(index);
        }
    }

    fn natural(&self, index: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[index].text.width());
        cells.chain([self.columns[index].title.width()]).max().unwrap_or(0)
    }
}

/// At most `width` columns. The middle goes: names of requests begin alike and differ at their end.
fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let head = prefix(text.chars(), room - room / 2);
    let tail: String = prefix(text.chars().rev(), room / 2).chars().rev().collect();
    format!("{head}…{tail}")
}

/// The first letters of a text, at most `width` columns of them.
pub(super) fn prefix(letters: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    letters
        .take_while(|letter| {
            used += letter.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_middle_and_wide_letters_count_twice() {
        let check = |text: &str, width: usize, expected: &str| {
            assert_eq!(shorten(text, width), expected);
            assert!(shorten(text, width).width() <= width);
        };
        check("reserve", 7, "reserve");
        check("GET /api/member/token", 11, "GET /…token");
        check("대기열 순번 확인", 9, "대기…확인");
        check("대기열 순번 확인", 8, "대기…인");
    }
}
