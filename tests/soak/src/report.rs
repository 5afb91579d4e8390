//! The results as a table in Markdown, which reads well on a terminal too, and as JSON.

use anyhow::Result;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use procfs::sys::kernel::Version;
use procfs::{CpuInfo, Current, Meminfo};
use serde::Serialize;

use crate::figure::{Figure, shown};

/// The results of several trials.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What it was measured on.
    pub machine: Machine,
    /// The trials.
    pub trials: Vec<TrialReport>,
}

/// The results of one trial.
#[derive(Debug, Serialize)]
pub struct TrialReport {
    /// What people call it.
    pub title: &'static str,
    /// How long it took.
    pub seconds: u64,
    /// What it has measured.
    pub figures: Vec<Figure>,
}

/// What figures were taken on.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// How many of its threads there are.
    pub cores: usize,
    /// In GiB.
    pub memory_gib: u64,
    /// Of Linux.
    pub kernel: String,
}

impl Machine {
    /// Asks the machine.
    ///
    /// # Errors
    ///
    /// If its kernel does not tell.
    pub fn this() -> Result<Self> {
        let processors = CpuInfo::current()?;
        let kernel = Version::current()?;
        Ok(Self {
            processor: processors.model_name(0).unwrap_or("unknown").to_owned(),
            cores: processors.num_cores(),
            memory_gib: Meminfo::current()?.mem_total.div_ceil(1 << 30),
            kernel: format!("{}.{}", kernel.major, kernel.minor),
        })
    }
}

impl Report {
    /// The figures that are not as they must be, each with its trial.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &Figure)> {
        self.trials.iter().flat_map(|trial| {
            let missed = trial.figures.iter().filter(|figure| !figure.is_met());
            missed.map(|figure| (trial.title, figure))
        })
    }

    /// One table for each trial.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for trial in &self.trials {
            text += &format!(
                "### {}\n\n{}\n\nIt took {} s.\n\n",
                trial.title,
                table(&trial.figures),
                trial.seconds
            );
        }
        let Machine {
            processor,
            cores,
            memory_gib,
            kernel,
        } = &self.machine;
        text + &format!("On {cores} cores of {processor} with {memory_gib} GiB, Linux {kernel}.\n")
    }
}

fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table
        .load_style(ASCII_MARKDOWN)
        .set_header(["", "figure", "bound", ""]);
    for figure in figures {
        let (bound, verdict) = match figure.bound {
            None => (String::new(), ""),
            Some(bound) if figure.is_met() => (bound.to_string(), "met"),
            Some(bound) => (bound.to_string(), "NOT MET"),
        };
        table.add_row([
            figure.text.clone(),
            shown(figure.value),
            bound,
            verdict.into(),
        ]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
