"""Read this first: the crossing and its mishaps, one idea a test."""

from tests.support.space import ANA, HALL, Space, answer_text, until


async def test_a_command_posts_at_once(space: Space) -> None:
    """`post Subject | Body #tag` becomes one thread under the person's own ids, and the answer holds its link."""
    reply = await space.sender.command(ANA, "post Coffee is back | The machine works again #coffee #kitchen")

    (thread,) = space.threads
    assert (thread["BusinessId"], thread["UserId"], thread["CoworkerId"]) == (HALL, 101, 201)
    assert (thread["Subject"], thread["Message"]) == ("Coffee is back", "The machine works again")
    assert thread["Tags"] == "coffee,kitchen"
    assert thread["InstantDelivery"] is False
    assert f"/conversations/thread/{thread['Id']}/coffee-is-back" in answer_text(reply)


async def test_the_form_posts_and_tells_the_link(space: Space) -> None:
    """A sent form becomes one thread, and the form itself turns into the report with the link."""
    await space.sender.command(ANA, "Lunch on Friday")
    await until(lambda: any(block.get("block_id") == "group" for block in space.view()["blocks"]))

    reply = await space.sender.submit(
        space.view()["id"], {"message": "Who joins?", "tags": "food, friday", "group": "11", "delivery": "instant"}
    )

    (thread,) = space.threads
    assert (thread["Subject"], thread["Message"], thread["Tags"]) == ("Lunch on Friday", "Who joins?", "food,friday")
    assert (thread["CommunityGroupId"], thread["InstantDelivery"]) == (11, True)
    assert reply.action == "update"
    assert f"/thread/{thread['Id']}/" in space.view_text()
