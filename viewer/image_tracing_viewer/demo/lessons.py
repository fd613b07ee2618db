"""The lessons that the demo illustrates: a topic each, with one to four pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a course asks the generator for."""

    lesson_id: str
    prompts: Sequence[str]
    style: str


_STYLES: Final = (
    "flat vector illustration for a textbook, soft colours, no text",
    "watercolour for children aged 8 to 10, clear outlines, no text",
    "isometric diagram, labelled areas left blank, white background",
    "photorealistic, natural light, wide angle, educational poster",
)
_TOPICS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "water-cycle",
        ("rain falling on a mountain lake", "vapour rising from the sea", "clouds over a valley"),
    ),
    (
        "volcanoes",
        ("cross-section of a stratovolcano with its magma chamber", "lava reaching the sea at dusk"),
    ),
    (
        "photosynthesis",
        ("a leaf in sunlight with chloroplasts magnified", "how a plant takes in carbon dioxide"),
    ),
    (
        "solar-system",
        ("the eight planets in order from the sun", "Saturn's rings seen from one of its moons"),
    ),
    (
        "ancient-egypt",
        ("builders dragging a limestone block to a pyramid", "a scribe writing on papyrus by the Nile"),
    ),
    ("fractions", ("a pizza cut into eight equal slices, three taken away",)),
    (
        "plate-tectonics",
        ("two plates meeting below an ocean trench", "the Himalayas rising, seen from the side"),
    ),
    (
        "food-chains",
        ("grass, a grasshopper, a frog, a heron", "an owl hunting a mouse at night", "fungi on a log"),
    ),
    ("roman-roads", ("layers of a Roman road, cut open", "a milestone and a travelling merchant")),
    ("electric-circuits", ("a battery, a switch and a bulb in series", "two bulbs in parallel")),
    ("human-heart", ("the four chambers of the heart in cross-section", "blood flowing through valves")),
    (
        "great-war",
        ("a muddy battlefield after an infantry charge, soldiers fallen", "battlefield trenches at dawn"),
    ),
    ("moon-phases", ("the eight phases of the moon around the earth", "a crescent moon over a village")),
    ("magnets", ("iron filings around a bar magnet", "the earth's magnetic field as lines")),
    (
        "bees",
        (
            "a bee collecting pollen from a sunflower",
            "inside a hive: queen, workers, drones",
            "the waggle dance",
        ),
    ),
    (
        "renaissance",
        ("a painter's workshop in Florence about 1500", "a study of perspective in a city square"),
    ),
    ("coral-reef", ("a healthy reef with clownfish and anemones", "a bleached reef beside a living one")),
    (
        "simple-machines",
        ("a lever lifting a stone", "a pulley on a ship", "an inclined plane", "a wheel and axle"),
    ),
    (
        "seasons",
        ("an apple tree in spring, summer, autumn and winter", "the tilt of the earth's axis in June"),
    ),
    ("dinosaurs", ("a herd of sauropods crossing a river", "feathers on a small theropod, in detail")),
    ("cells", ("an animal cell beside a plant cell", "mitochondria close up", "a nucleus with its membrane")),
    ("silk-road", ("camels at a caravanserai in the evening", "a market stall with silk, spices and paper")),
    ("sound", ("waves spreading from a tuning fork", "the inside of the ear, cut open")),
    ("rainforest", ("the four layers of a rainforest", "a toucan in the canopy", "leafcutter ants at work")),
    ("vikings", ("a longship leaving a fjord at sunrise", "a farm with turf roofs in Iceland")),
    ("states-of-matter", ("particles in a solid, a liquid and a gas", "ice melting in a warm hand")),
    ("industrial-age", ("a steam engine in a cotton mill", "a canal with barges and brick warehouses")),
    ("weather-maps", ("a cold front meeting a warm front", "isobars over western Europe")),
    (
        "space-station",
        ("astronauts growing lettuce on a space station", "the station above the night side of earth"),
    ),
    ("maya", ("a stepped pyramid in the jungle at noon", "a ball court with players", "a calendar stone")),
    ("light-colour", ("a prism splitting white light", "mixing red, green and blue lamps on a wall")),
    ("rivers", ("a meander becoming an oxbow lake", "a delta seen from above", "a gorge with a waterfall")),
    ("printing-press", ("Gutenberg's press with a page being pulled", "movable type in a case")),
    ("french-revolution", ("the public execution of a king seen from the crowd",)),
    ("germs", ("bacteria under a microscope, in false colours", "washing hands with soap, step by step")),
    ("bridges", ("an arch, a beam and a suspension bridge compared", "how an arch carries its load")),
    (
        "arctic",
        ("a polar bear on drifting ice", "an Inuit family building an igloo", "narwhals below the ice"),
    ),
    ("money", ("shells, coins, notes and cards through the ages", "a medieval moneychanger at his bench")),
)


def lessons() -> Iterator[Lesson]:
    """Every lesson once, in a fixed order, one to four prompts each."""
    for number, (topic, scenes) in enumerate(_TOPICS, start=1):
        style = _STYLES[number % len(_STYLES)]
        prompts = [scene[0].upper() + scene[1:] for scene in scenes]
        yield Lesson(f"lesson-{number:03d}-{topic}", prompts, style)
