//! The results as tables in Markdown, which read well on a terminal too.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use crate::candidate::Function;
use crate::cpu_quota::Cpu;
use crate::goals::Goal;
use crate::machine::Machine;
use crate::price::Price;
use crate::results::{
    BareFigures, FunctionFigures, OrderFigures, OrderResults, OrderShare, Results, Share,
};

/// Everything: one table for each share of a CPU, what the memory sizes cost, and what was to be reached.
pub fn render(results: &Results) -> String {
    let mut text = String::new();
    for share in &results.shares {
        text += &format!(
            "### {}\n\n{}\n\n",
            title(share.memory),
            figures(results, share)
        );
    }
    let floor = |memory| {
        let share = results.shares.iter().find(|share| share.memory == memory)?;
        Some(share.functions[&Function::Floor].start.cold_ms)
    };
    text += &orders(&results.order, floor);
    text += &format!(
        "Verifying and decoding one delivery takes {} instructions.\n\n### Price of a memory size\n\n{}\n\n\
         ### Goals\n\n{}\n\n{}\n",
        results.verify_and_decode_instructions,
        prices(&results.shares),
        goals(&Goal::of(results)),
        origin(results),
    );
    text
}

/// Only the order's way: its tables, and what was to be reached.
pub fn render_orders(results: &OrderResults) -> String {
    let tables = orders(results, |_| None);
    format!("{tables}{}\n", goals(&Goal::of_orders(results)))
}

/// A table of the order's way for each share of a CPU. `floor` knows the cold start of the floor there, in ms.
fn orders(results: &OrderResults, floor: impl Fn(Cpu) -> Option<f64>) -> String {
    let tables = results.shares.iter().map(|share| {
        let table = order_figures(share, floor(share.memory), results.size_bytes);
        format!("### An order: {}\n\n{table}\n\n", title(share.memory))
    });
    tables.collect()
}

/// What a share of a CPU is called.
pub fn title(memory: Cpu) -> String {
    match memory {
        Cpu::Full => "All of a CPU".into(),
        Cpu::OfMemory(mb) => format!("CPU of {mb} MB, from the first event on"),
    }
}

/// A line of the table: what a function has there, and the bare client.
type Line = (
    &'static str,
    fn(&FunctionFigures) -> Option<f64>,
    fn(&BareFigures) -> Option<f64>,
);

const LINES: [Line; 10] = [
    (
        "cold, ms (bare client: both calls)",
        |f| Some(f.start.cold_ms),
        |b| Some(b.cold_ms),
    ),
    ("· init, ms", |f| Some(f.start.init_ms), |_| None),
    (
        "· first call, ms",
        |f| Some(f.start.first_call_ms),
        |_| None,
    ),
    ("· CPU of init, ms", |f| Some(f.start.init_cpu_ms), |_| None),
    (
        "· CPU of the first call, ms",
        |f| Some(f.start.first_call_cpu_ms),
        |_| None,
    ),
    (
        "warm p50, ms (bare client: a call)",
        |f| Some(f.start.warm_p50_ms),
        |b| Some(b.warm_p50_ms),
    ),
    (
        "warm p99, ms",
        |f| Some(f.start.warm_p99_ms),
        |b| Some(b.warm_p99_ms),
    ),
    ("refused p50, ms", |f| f.refused_p50_ms, |_| None),
    ("refused p99, ms", |f| f.refused_p99_ms, |_| None),
    (
        "peak memory, MB",
        |f| Some(f.start.peak_memory_bytes as f64 / 1e6),
        |_| None,
    ),
];

/// A line of an order's table: what the event processor has there, and the bare client.
type OrderLine = (
    &'static str,
    fn(&OrderFigures) -> f64,
    fn(&BareFigures) -> Option<f64>,
);

const ORDER_LINES: [OrderLine; 10] = [
    ("cold, ms", |f| f.start.cold_ms, |b| Some(b.cold_ms)),
    ("· init, ms", |f| f.start.init_ms, |_| None),
    ("· first call, ms", |f| f.start.first_call_ms, |_| None),
    ("· CPU of init, ms", |f| f.start.init_cpu_ms, |_| None),
    (
        "· CPU of the first call, ms",
        |f| f.start.first_call_cpu_ms,
        |_| None,
    ),
    (
        "warm p50, ms",
        |f| f.start.warm_p50_ms,
        |b| Some(b.warm_p50_ms),
    ),
    (
        "warm p99, ms",
        |f| f.start.warm_p99_ms,
        |b| Some(b.warm_p99_ms),
    ),
    (
        "peak memory, MB",
        |f| f.start.peak_memory_bytes as f64 / 1e6,
        |_| None,
    ),
    (
        "peak memory with orders of 100 kB, MB",
        |f| f.peak_memory_large_bytes as f64 / 1e6,
        |_| None,
    ),
    (
        "calls that only open a connection",
        |f| f.other_calls as f64,
        |_| None,
    ),
];

fn order_figures(share: &OrderShare, floor_ms: Option<f64>, size_bytes: u64) -> Table {
    let mut table = table(&["", "event processor", "bare client", "floor + bare client"]);
    for (line, (name, of_function, of_bare_client)) in ORDER_LINES.into_iter().enumerate() {
        let ours = of_function(&share.event_processor);
        let theirs = of_bare_client(&share.bare_client);
        // only the cold start, which is the first line, takes the floor's time too
        let with_floor = floor_ms.filter(|_| line == 0);
        let with_floor = with_floor.and_then(|floor| Some(floor + theirs?));
        table.add_row([
            name.to_owned(),
            short(ours),
            beside(ours, theirs),
            beside(ours, with_floor),
        ]);
    }
    let size = short(size_bytes as f64 / 1e6);
    table.add_row(["size, MB".to_owned(), size]);
    table
}

/// A figure of a baseline, with how many times ours it is.
fn beside(ours: f64, theirs: Option<f64>) -> String {
    let figure = theirs.map(|theirs| format!("{} ({}×)", short(theirs), short(theirs / ours)));
    figure.unwrap_or_default()
}

fn figures(results: &Results, share: &Share) -> Table {
    let mut header = vec![
        "",
        Function::Webhook.name(),
        Function::Floor.name(),
        "bare client",
    ];
    header.extend([Function::Tutorial.name(), Function::Node.name()]);
    let mut table = table(&header);
    for (name, of_function, of_bare_client) in LINES {
        let figure = |function| share.functions.get(&function).and_then(of_function);
        table.add_row(row(name, figure, of_bare_client(&share.bare_client)));
    }
    let size = |function| {
        results
            .size_bytes
            .get(&function)
            .map(|bytes| *bytes as f64 / 1e6)
    };
    table.add_row(row("size, MB", size, None));
    table
}

/// A figure of everybody, those of the baselines with how many times ours they are.
fn row(
    name: &str,
    figure: impl Fn(Function) -> Option<f64>,
    bare_client: Option<f64>,
) -> Vec<String> {
    let ours = figure(Function::Webhook);
    let beside_ours = |theirs| ours.map(|ours| beside(ours, theirs)).unwrap_or_default();
    vec![
        name.to_owned(),
        ours.map(short).unwrap_or_default(),
        beside_ours(figure(Function::Floor)),
        beside_ours(bare_client),
        beside_ours(figure(Function::Tutorial)),
        beside_ours(figure(Function::Node)),
    ]
}

fn prices(shares: &[Share]) -> Table {
    let mut table = table(&[
        "memory, MB",
        "cold, ms",
        "warm p50, ms",
        "USD for 10⁶ warm deliveries",
        "USD for 10⁶ cold ones",
    ]);
    for share in shares {
        let Cpu::OfMemory(mb) = share.memory else {
            continue;
        };
        let figures = share.functions[&Function::Webhook];
        let price = Price::of(&figures, mb);
        table.add_row([
            mb.to_string(),
            short(figures.start.cold_ms),
            short(figures.start.warm_p50_ms),
            format!("{:.3}", price.warm),
            format!("{:.3}", price.cold),
        ]);
    }
    table
}

/// Where all of this comes from.
fn origin(results: &Results) -> String {
    let Machine {
        processor,
        cores,
        memory_gib,
        kernel,
        node,
        aws_lc_sys,
    } = &results.machine;
    format!(
        "{} rounds with {} ms for each call of AWS or WHOOP, on {cores} cores of {processor} with {memory_gib} GiB, Linux {kernel}, Node \
         {node}, aws-lc-sys {aws_lc_sys} in tutorial Rust.",
        results.rounds, results.latency_ms
    )
}

fn goals(goals: &[Goal]) -> Table {
    let mut table = table(&["goal", "limit", "reached", ""]);
    for goal in goals {
        let met = if goal.is_met() { "met" } else { "MISSED" };
        table.add_row([
            goal.text.clone(),
            goal.limit.to_string(),
            short(goal.figure),
            met.into(),
        ]);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Three digits, which is more than repeats.
pub fn short(figure: f64) -> String {
    let decimals = match figure {
        10.0.. if figure >= 100.0 => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{figure:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (figure, text) in [
            (0.1234, "0.12"),
            (9.876, "9.88"),
            (18.34, "18.3"),
            (274.4, "274"),
        ] {
            assert_eq!(short(figure), text);
        }
    }
}
