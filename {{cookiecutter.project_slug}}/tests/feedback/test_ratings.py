"""The book of ratings, on both databases."""

from dataclasses import replace

from sqlalchemy import Engine, select

from {{ cookiecutter.package_name }}.audit import now
from {{ cookiecutter.package_name }}.database import Writer, running
from {{ cookiecutter.package_name }}.feedback import Ratings
from {{ cookiecutter.package_name }}.feedback.ratings import Rating, ratings_table

from tests.silence import METRICS

RATING = Rating("a" * 32, now(), "acme", "assistant", "first", "internal", 1, now(), b"sealed")


async def test_of_one_answer_the_latest_rating_counts(engine: Engine) -> None:
    ratings = Ratings()
    async with running(Writer(engine, [ratings], METRICS)) as writer:
        other = replace(RATING, call_id="b" * 32)
        both = [writer.commit({ratings: one}) for one in (other, RATING, replace(RATING, score=0.5, sealed=None))]
        for one in both:
            await one
        await writer.commit({ratings: replace(RATING, score=0.25, sealed=None)})
    with engine.connect() as connection:
        rows = connection.execute(select(ratings_table).order_by(ratings_table.c.call_id)).all()
    assert [(row.call_id[0], row.score, row.sealed) for row in rows] == [("a", 0.25, None), ("b", 1, b"sealed")]
