//! A page of the documentation, as far as tests need it.

use std::fs;
use std::io;

use template::checkout;

/// What stands before the reason why a block is not run.
const MARKER: &str = "<!-- not run:";

/// The pages outside of `docs` whose blocks are checked.
const OTHER_PAGES: [&str; 4] = [
    "README.md",
    "CONTRIBUTING.md",
    "shared/README.md",
    "tests/simulator/README.md",
];

/// A page of the documentation.
pub struct Page {
    /// Its path in the checkout, such as `docs/runbook.md`.
    pub path: String,
    /// Its blocks of code, in their order.
    pub blocks: Vec<Block>,
    /// The anchors of its headings.
    pub anchors: Vec<String>,
    /// The links in its text.
    pub links: Vec<Link>,
    /// Lines with a marker that is above no block of commands.
    pub stray_markers: Vec<usize>,
}

/// A block of code.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// The line of the page where it begins, counted from 1.
    pub line: usize,
    /// What stands behind the three backticks, such as `sh`.
    pub language: String,
    /// The text of the block, without the indentation of the list that it may be in.
    pub text: String,
    /// The anchor of the section that it is in, such as `deadletter`: that of the last heading with two `#`.
    pub section: String,
    /// The anchor of the last heading of any level.
    pub heading: String,
    /// Why it is not run; `None` if it is run.
    pub not_run: Option<String>,
}

/// A link of a page.
#[derive(Debug, Clone)]
pub struct Link {
    /// The line of the page, counted from 1.
    pub line: usize,
    /// What the link leads to, as it is written.
    pub target: String,
}

impl Page {
    /// Every page whose blocks are checked, in a fixed order.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub fn all() -> io::Result<Vec<Self>> {
        let mut paths: Vec<String> = OTHER_PAGES.map(Into::into).into();
        for entry in fs::read_dir(checkout().join("docs"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                paths.push(format!("docs/{name}"));
            }
        }
        paths.sort_unstable();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Reads the page at this path of the checkout.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn read(path: &str) -> io::Result<Self> {
        let text = fs::read_to_string(checkout().join(path))?;
        Ok(Self::parse(path, &text))
    }

    /// Takes a page apart.
    #[must_use]
    pub fn parse(path: &str, text: &str) -> Self {
        let mut page = Self {
            path: path.into(),
            blocks: Vec::new(),
            anchors: Vec::new(),
            links: Vec::new(),
            stray_markers: Vec::new(),
        };
        let (mut section, mut heading) = (String::new(), String::new());
        let mut marker: Option<(usize, String)> = None;
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let number = index + 1;
            let trimmed = line.trim_start();
            let fence: String = trimmed.chars().take_while(|char| *char == '`').collect();
            if fence.len() >= 3 {
                let indentation = line.len() - trimmed.len();
                let language = trimmed[fence.len()..].trim();
                let body = lines.by_ref().map(|(_, line)| line);
                let body = body.take_while(|line| line.trim() != fence);
                let mut block = Block {
                    line: number,
                    language: language.split(',').next().unwrap_or_default().into(),
                    text: String::new(),
                    section: section.clone(),
                    heading: heading.clone(),
                    not_run: None,
                };
                for line in body {
                    block.text += line.get(indentation..).unwrap_or_default();
                    block.text.push('\n');
                }
                match marker.take() {
                    Some((_, reason)) if block.language == "sh" => block.not_run = Some(reason),
                    Some((line, _)) => page.stray_markers.push(line),
                    None => {}
                }
                page.blocks.push(block);
                continue;
            }
            if let Some((line, _)) = marker.take() {
                page.stray_markers.push(line);
            }
            if let Some(reason) = trimmed.strip_prefix(MARKER) {
                marker = Some((number, reason.trim_end_matches("-->").trim().into()));
            } else if let Some((level, title)) = title(line) {
                heading = anchor(title);
                if level <= 2 {
                    section.clone_from(&heading);
                }
                page.anchors.push(heading.clone());
            }
            page.links.extend(links(number, line));
        }
        page.stray_markers.extend(marker.map(|(line, _)| line));
        page
    }

    /// The blocks of commands, whether they are run or not.
    pub fn commands(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.language == "sh")
    }

    /// The blocks of commands that are run, by section, in the order of the page.
    #[must_use]
    pub fn sections(&self) -> Vec<(&str, Vec<&Block>)> {
        let mut sections: Vec<(&str, Vec<&Block>)> = Vec::new();
        for block in self.commands().filter(|block| block.not_run.is_none()) {
            match sections.last_mut() {
                Some((section, blocks)) if *section == block.section => blocks.push(block),
                _ => sections.push((&block.section, vec![block])),
            }
        }
        sections
    }
}

/// The level and the title of a heading.
fn title(line: &str) -> Option<(usize, &str)> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    (level > 0).then_some((level, title.strip_prefix(' ')?))
}

/// The anchor that GitHub makes of a heading.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter_map(|char| match char {
        ' ' => Some('-'),
        '-' | '_' => Some(char),
        _ => char.is_alphanumeric().then_some(char),
    });
    kept.collect()
}

/// The links and pictures in a line, outside of code.
fn links(number: usize, line: &str) -> Vec<Link> {
    let prose: String = line.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', ' ']).next()?;
        Some(Link {
            line: number,
            target: target.into(),
        })
    });
    targets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# The page

See [there](other.md#a-b) and `[not](a-link)`.

## Do `this`, then that

1. First:

   <!-- not run: it would cost money -->
   ```sh
   aws spend \\
       --all
   ```

### Below

```sh
ls
```

<!-- not run: no block follows -->

## Other

```rust,no_run
fn main() {}
```
";

    #[test]
    fn blocks_know_their_language_section_and_reason() {
        let page = Page::parse("page.md", PAGE);
        let [spend, list, rust] = &page.blocks[..] else {
            panic!("{:?}", page.blocks);
        };
        assert_eq!(spend.text, "aws spend \\\n    --all\n");
        assert_eq!(spend.not_run.as_deref(), Some("it would cost money"));
        assert_eq!((spend.line, list.line), (10, 17));
        assert_eq!(list.section, "do-this-then-that");
        assert_eq!(list.heading, "below");
        assert_eq!(list.not_run, None);
        assert_eq!(rust.language, "rust");
        assert_eq!(page.stray_markers, [21]);
        let sections = page.sections();
        assert_eq!(sections.len(), 1);
        assert_eq!(sections[0].1.len(), 1);
    }

    #[test]
    fn headings_become_anchors_and_links_are_found_outside_of_code() {
        let page = Page::parse("page.md", PAGE);
        assert_eq!(
            page.anchors,
            ["the-page", "do-this-then-that", "below", "other"]
        );
        let targets: Vec<&str> = page.links.iter().map(|link| &*link.target).collect();
        assert_eq!(targets, ["other.md#a-b"]);
    }
}
